// Passkeys (WebAuthn): shows the forms that need them, asks the authenticator, and sends its answer as the form's `credential`.
// Without this script, or in a browser without passkeys, the forms stay hidden, and a password does the same.

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const listed = (credentials) => (credentials ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

async function options(url) {
  const answer = await fetch(url, { method: "POST", redirect: "error", headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.json();
}

async function made(asked) {
  const publicKey = {
    ...asked,
    challenge: bytes(asked.challenge),
    user: { ...asked.user, id: bytes(asked.user.id) },
    excludeCredentials: listed(asked.excludeCredentials),
  };
  const { id, type, response } = await navigator.credentials.create({ publicKey });
  const said = { clientDataJSON: text(response.clientDataJSON), attestationObject: text(response.attestationObject) };
  return { id, rawId: id, type, response: said };
}

async function shown(asked) {
  const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: listed(asked.allowCredentials) };
  const { id, type, response } = await navigator.credentials.get({ publicKey });
  const said = {
    clientDataJSON: text(response.clientDataJSON),
    authenticatorData: text(response.authenticatorData),
    signature: text(response.signature),
  };
  if (response.userHandle) said.userHandle = text(response.userHandle);
  return { id, rawId: id, type, response: said };
}

async function answer(form) {
  const status = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  status.textContent = "";
  button.disabled = true;
  try {
    const asked = await options(form.dataset.passkey);
    form.elements.credential.value = JSON.stringify(await ("user" in asked ? made(asked) : shown(asked)));
    form.submit();
  } catch (error) {
    // This is also the answer if the person refused: NotAllowedError gives no reason.
    console.info(error);
    status.textContent = form.dataset.failed;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(form);
    });
  }
}
