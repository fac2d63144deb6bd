// Fills <div class="pressrelay" data-query="region=kr:52" data-count="5"> with the newest releases of that feed. The link in it stays, as
// the way to all of them, and alone if the server is not reached. No cookies, no style: .pressrelay-list, -item, -link, -time.
(() => {
  const base = document.currentScript.src.replace(/\/embed\.js(\?.*)?$/, "");
  const make = (tag, name, props) => Object.assign(document.createElement(tag), { className: `pressrelay-${name}` }, props);
  function item(release, lang) {
    const row = make("li", "item", { lang: release.language || lang }), at = new Date(release.date_published);
    const time = make("time", "time", { dateTime: release.date_published, lang });
    time.textContent = at.toLocaleDateString(lang || undefined, { dateStyle: "medium", timeZone: "%ZONE%" });
    row.append(make("a", "link", { href: release.url, textContent: release.title }), " ", time);
    return row;
  }
  async function fill(box) {
    box.dataset.filled = "";
    const query = new URLSearchParams(box.dataset.query || ""), lang = box.closest("[lang]")?.lang || "";
    query.set("limit", Math.min(Math.max(parseInt(box.dataset.count, 10) || 5, 1), 20));
    try {
      const answer = await fetch(`${base}/feed.json?${query}`, { credentials: "omit" });
      if (!answer.ok) return;
      const { items } = await answer.json(), list = make("ul", "list");
      list.append(...items.filter(release => /^https?:/.test(release.url)).map(release => item(release, lang)));
      if (items.length) box.prepend(list);
    } catch { /* the link stays */ }
  }
  const all = () => document.querySelectorAll(".pressrelay[data-query]:not([data-filled])").forEach(fill);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
  all();
})();
