// A button that puts a text on the clipboard, and says so.

function byHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.style.cssText = "position: fixed; top: 0; left: 0; opacity: 0";
  document.body.appendChild(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}

// navigator.clipboard is there only on https and localhost, and a frame may be refused it.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return byHand(text);
  }
}

function render({ model, el }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "jupyter-widgets jupyter-button widget-button pino-copy-button";
  const draw = () => {
    button.textContent = model.get("label");
    button.title = "Copy " + model.get("text");
  };
  let timer = 0;
  button.addEventListener("click", async () => {
    const copied = await copy(model.get("text"));
    button.textContent = copied ? "Copied" : "Not copied: select the text";
    clearTimeout(timer);
    timer = setTimeout(draw, copied ? 1500 : 4000);
  });
  model.on("change:label change:text", draw);
  draw();
  el.appendChild(button);
  return () => {
    clearTimeout(timer);
    model.off("change:label change:text", draw);
  };
}

export default { render };
