// The request that the page made, to paste into a terminal or a program.

import { byId, element } from "./dom.js";

export function showSnippets(request, asksForKeys) {
  const shown = { ...request, url: `${location.origin}/jointtrack/v1/detect`, asksForKeys };
  const box = byId("snippets");
  box.hidden = false;
  box.replaceChildren(
    element("h2", {}, "The same request in code"),
    block("curl", curl(shown)),
    block("Python", python(shown)),
  );
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl({ url, file, fields, asksForKeys }) {
  const parts = [`image=@${file}`, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)];
  const key = asksForKeys ? ' -H "X-API-Key: $JOINTTRACK_API_KEY"' : "";
  return `curl -sS${key} ${parts.map((part) => `-F ${quoted(part)}`).join(" ")} \\\n  ${url}`;
}

export function python({ url, file, fields, asksForKeys }) {
  const text = (value) => JSON.stringify(value);
  const data = Object.entries(fields).map(([name, value]) => `${text(name)}: ${text(value)}`).join(", ");
  return [
    ...(asksForKeys ? ["import os", ""] : []),
    "import requests",
    "",
    `with open(${text(file)}, "rb") as picture:`,
    "    response = requests.post(",
    `        ${text(url)},`,
    ...(asksForKeys ? ['        headers={"X-API-Key": os.environ["JOINTTRACK_API_KEY"]},'] : []),
    '        files={"image": picture},',
    `        data={${data}},`,
    "        timeout=30,",
    "    )",
    "response.raise_for_status()",
    'for measurement in response.json()["measurements"]:',
    '    print(measurement["title"], measurement["value"])',
  ].join("\n");
}

function block(title, code) {
  const copy = element("button", { type: "button" }, `Copy ${title}`);
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = `Copy ${title}`), 1500);
  });
  return element("div", {}, element("header", {}, element("h2", {}, title), copy), element("pre", { tabindex: 0, "aria-label": title }, element("code", {}, code)));
}
