/* Comfort only: every page works without this file. Copy buttons, keyboard shortcuts, busy buttons, focus on errors. */
(function () {
  "use strict";

  function copyText(button) {
    var box = button.closest(".code");
    var text = button.dataset.copy || (box ? box.querySelector("pre").innerText.replace(/^\$ /gm, "") : "");
    navigator.clipboard.writeText(text).then(function () {
      var word = button.querySelector(".vh");
      if (!word) { return; }
      var before = word.textContent;
      word.setAttribute("role", "status");
      word.textContent = "Copied";
      setTimeout(function () { word.textContent = before; }, 2000);
    });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[data-copy]");
    if (button && navigator.clipboard) { copyText(button); }
  });

  document.addEventListener("submit", function (event) {
    var button = event.submitter;
    if (button && event.target.method === "post") { button.setAttribute("aria-busy", "true"); }
  });

  window.addEventListener("pageshow", function () {
    document.querySelectorAll("[aria-busy]").forEach(function (node) { node.removeAttribute("aria-busy"); });
  });

  var summary = document.querySelector(".error-summary");
  if (summary) { summary.focus(); }

  /* Shortcuts move and focus; none of them decides anything. The profile page switches them off. */
  var waiting = "";
  function typing(target) {
    return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  }
  function follow(key) {
    var link = document.querySelector('[data-shortcut="' + key + '"]');
    if (link) { link.click(); }
    return Boolean(link);
  }
  function step(by) {
    var rows = Array.prototype.slice.call(document.querySelectorAll("main tbody th[scope=row] a, main .reqs h3 a"));
    var at = rows.indexOf(document.activeElement) + by;
    if (rows.length) { rows[Math.max(0, Math.min(rows.length - 1, at))].focus(); }
  }

  document.addEventListener("keydown", function (event) {
    if (document.body.dataset.shortcuts === "off" || event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (typing(event.target)) { return; }
    var key = event.key;
    if (waiting) {
      key = waiting + " " + key;
      waiting = "";
      if (follow(key)) { event.preventDefault(); }
    } else if (key === "g") {
      waiting = "g";
      setTimeout(function () { waiting = ""; }, 1500);
    } else if (key === "/") {
      var search = document.getElementById("q");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (key === "j") { step(1);
    } else if (key === "k") { step(-1);
    } else if (key === "?" || key === "n" || key === "p") { follow(key); }
  });
}());
