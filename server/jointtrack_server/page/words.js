// Codes of the answers in plain words; which words is the server's business.

let words = { reasons: {}, warnings: {} };

export const useWords = (given) => (words = given);

const plain = (code) => code.replaceAll("_", " ");

export const warning = (code) => words.warnings[code] ?? `${plain(code)}.`;

export function reason({ code, keypoints = [] }) {
  const text = words.reasons[code] ?? `${plain(code)}.`;
  return keypoints.length ? `${text} Not seen: ${keypoints.map(plain).join(", ")}.` : text;
}

export function viewOf(spec) {
  if (!spec.views.length) return "any view";
  return spec.views.includes("side") ? "from the side" : "from the front";
}
