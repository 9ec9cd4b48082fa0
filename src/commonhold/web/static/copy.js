"use strict";
// Adds a copy button to every snippet. Without scripts the page is complete, only without buttons.
for (const snippet of document.querySelectorAll(".snippet")) {
  const code = snippet.querySelector("code");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + snippet.dataset.name);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(code)) ? "Copied" : "Press Ctrl+C";
    document.getElementById("said").textContent = button.textContent;
    setTimeout(() => { button.textContent = "Copy"; }, 1800);
  });
  snippet.querySelector("figcaption").append(button);
}

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    // Browsers give the clipboard only to https and localhost: leave the text selected instead.
    getSelection().selectAllChildren(code);
    return document.execCommand("copy");
  }
}
