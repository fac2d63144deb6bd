// Updates the clocks of embargoes while the page is open. Without scripts they show the time when the page was made.
const list = document.getElementById("clocks");
const words = list.dataset;
const ahead = Date.parse(words.now) - Date.now(); // by the server's clock, not by this machine's
const fill = (text, values) => text.replace(/\{(\w)\}/g, (_, name) => values[name]);

function said(seconds) {
  const [d, h, m, s] = [seconds / 86400, (seconds % 86400) / 3600, (seconds % 3600) / 60, seconds % 60].map(Math.floor);
  if (d) return fill(words.days, { d, h });
  if (h) return fill(words.hours, { h, m });
  return m ? fill(words.minutes, { m }) : fill(words.seconds, { s });
}

function tick() {
  for (const clock of list.querySelectorAll("[data-end]")) {
    const left = Math.floor((Date.parse(clock.dataset.end) - Date.now() - ahead) / 1000);
    const text = left > 0 ? said(left) : words.over;
    if (clock.textContent !== text) clock.textContent = text;
  }
}

tick();
setInterval(tick, 1000);
