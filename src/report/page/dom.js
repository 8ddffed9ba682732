/* Elements from their parts. Texts become text nodes: nothing of the data is ever read as HTML. */

function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
}

function make(name, attributes, ...children) {
  const node = document.createElement(name);
  setAttributes(node, attributes);
  node.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== undefined && child !== null && child !== ""),
  );
  return node;
}

function draw(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}

/* A text from the data, kept apart from the direction of what stands beside it. */
function isolated(text) {
  return make("bdi", {}, text);
}

/* The JSON that an element of the page holds. */
function readData(id) {
  return JSON.parse(document.getElementById(id).textContent);
}
