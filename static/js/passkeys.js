/* Asks the browser for a passkey and puts its answer into the form. Without this file the same pages say how to go on with a password. */
(function () {
  "use strict";

  var form = document.querySelector("form[data-passkey]");
  if (!form) { return; }

  function toBytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function toText(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function withBytes(row) {
    return Object.assign({}, row, { id: toBytes(row.id) });
  }

  function question(options) {
    var asked = Object.assign({}, options.publicKey, { challenge: toBytes(options.publicKey.challenge) });
    if (asked.user) { asked.user = withBytes(asked.user); }
    ["allowCredentials", "excludeCredentials"].forEach(function (name) {
      if (asked[name]) { asked[name] = asked[name].map(withBytes); }
    });
    return { publicKey: asked };
  }

  function answer(credential) {
    var parts = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (credential.response[name]) { parts[name] = toText(credential.response[name]); }
    });
    return JSON.stringify({
      id: credential.id, rawId: toText(credential.rawId), type: credential.type, response: parts, clientExtensionResults: {}
    });
  }

  function say(name) {
    document.querySelectorAll("[data-passkey-says]").forEach(function (node) {
      node.hidden = node.dataset.passkeySays !== name;
    });
    form.querySelectorAll("[aria-busy]").forEach(function (node) { node.removeAttribute("aria-busy"); });
  }

  if (!window.PublicKeyCredential || !navigator.credentials) {
    say("none");
    return;
  }
  say("ready");
  form.querySelector("button[type=submit]").disabled = false;

  form.addEventListener("submit", function (event) {
    event.preventDefault();
    if (!form.reportValidity()) { return; }
    var asked = question(JSON.parse(form.dataset.options));
    var asking = form.dataset.passkey === "create" ? navigator.credentials.create(asked) : navigator.credentials.get(asked);
    asking.then(function (credential) {
      form.elements.answer.value = answer(credential);
      form.submit();
    }, function () { say("failed"); });
  });
}());
