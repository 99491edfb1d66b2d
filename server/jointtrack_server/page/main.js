// The page: what is asked for on one side, what came back on the other.

import { byId, element, say } from "./dom.js";
import { Live } from "./live.js";
import { showAnswer } from "./results.js";
import { showSnippets } from "./snippets.js";
import { useWords, viewOf } from "./words.js";

const FIRST = "shoulder_abduction";
const KEY = "jointtrack-key";

const form = byId("request");
let info, specs, picture = null, live = null;

try {
  info = await (await fetch("/page/info.json")).json();
  start();
} catch {
  say("The server does not answer. Is it running? Reload the page when it is.", { bad: true });
}

function start() {
  useWords(info.words);
  specs = new Map(info.measurements.map((spec) => [spec.name, spec]));
  byId("version").textContent = `JointTrack ${info.version}.`;
  byId("key-field").hidden = !info.asksForKeys;
  form.key.value = sessionStorage.getItem(KEY) ?? "";
  byId("measurements").append(...groups());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.mode.value === "picture") measure();
  });
  form.key.addEventListener("change", () => sessionStorage.setItem(KEY, form.key.value));
  for (const radio of form.mode) radio.addEventListener("change", showMode);
  byId("file").addEventListener("change", ({ target }) => target.files.length && choose(target.files[0]));
  byId("video").addEventListener("change", ({ target }) => {
    if (target.files.length) startLive(target.files[0]);
    target.value = "";
  });
  byId("use-sample").addEventListener("click", useSample);
  byId("use-snapshot").addEventListener("click", takeSnapshot);
  byId("use-camera").addEventListener("click", () => startLive("camera"));
  byId("stop").addEventListener("click", () => live?.end());
  acceptDrops(byId("drop"));
  showMode();
}

function groups() {
  const parts = Map.groupBy(info.measurements, (spec) => spec.bodyPart);
  return [...parts].map(([part, group]) =>
    element("div", {}, element("h2", {}, part), ...group.map((spec) =>
      element("label", { title: `0° is ${spec.zero}; positive is ${spec.positive}` },
        element("input", { type: "checkbox", name: "measurement", value: spec.name, checked: spec.name === FIRST }),
        element("span", {}, spec.title),
        element("small", {}, viewOf(spec))))));
}

function showMode() {
  const mode = form.mode.value;
  if (mode === "picture") live?.end();
  for (const part of document.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== mode;
  byId("live").hidden = mode !== "live" || !live;
  byId("answer").hidden = byId("snippets").hidden = mode !== "picture";
  if (!byId("answer").childElementCount) byId("snippets").hidden = true;
  say(mode === "picture" ? "Choose a picture and what to measure." : "Start the camera, or choose a video.");
}

function acceptDrops(zone) {
  for (const type of ["dragenter", "dragover"]) {
    zone.addEventListener(type, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) choose(event.dataTransfer.files[0]);
  });
}

function choose(file) {
  picture = file;
  const preview = byId("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.hidden = false;
  say(`${file.name} is chosen.`);
}

async function useSample() {
  const response = await fetch("/page/sample.jpg");
  choose(new File([await response.blob()], "sample.jpg", { type: "image/jpeg" }));
  await measure();
}

async function takeSnapshot() {
  try {
    const camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    const video = element("video", { playsinline: true });
    video.muted = true;
    video.srcObject = camera;
    await video.play();
    const still = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    still.getContext("2d").drawImage(video, 0, 0);
    camera.getTracks().forEach((track) => track.stop());
    choose(new File([await still.convertToBlob({ type: "image/jpeg", quality: 0.92 })], "camera.jpg", { type: "image/jpeg" }));
  } catch (error) {
    say(`The camera cannot be used: ${error.message}`, { bad: true });
  }
}

// What the form asks for, in the fields of POST /detect; what is left at its default is left out.
function asked() {
  const names = new FormData(form).getAll("measurement");
  const fields = { measurement: names.join(",") };
  if (form.side.value !== "both") fields.side = form.side.value;
  if (form.facing.value) fields.facing = form.facing.value;
  for (const flag of ["mirrored", "strict"]) if (form[flag].checked) fields[flag] = "true";
  return { names, fields };
}

function isReady(names) {
  if (info.asksForKeys && !form.key.value.trim()) {
    say("Give an API key first.", { bad: true });
    form.key.focus();
    return false;
  }
  if (!names.length) say("Choose at least one measurement.", { bad: true });
  return names.length > 0;
}

async function measure() {
  const { names, fields } = asked();
  if (!isReady(names)) return;
  if (!picture) return say("Choose a picture first.", { bad: true });
  if (picture.size > info.maxImageBytes) {
    return say(`The picture has ${picture.size} bytes, the server takes ${info.maxImageBytes}.`, { bad: true });
  }
  const body = new FormData();
  body.append("image", picture);
  for (const [name, value] of Object.entries({ ...fields, include: "details" })) body.append(name, value);
  byId("measure").disabled = true;
  say("Measuring …");
  const began = performance.now();
  try {
    const response = await fetch("/jointtrack/v1/detect", { method: "POST", headers: keyHeader(), body });
    const answer = await response.json();
    if (!response.ok) return refused(answer.error);
    showAnswer(answer, specs, form.side.value);
    showSnippets({ file: picture.name, fields }, info.asksForKeys);
    say(`Measured in ${Math.round(performance.now() - began)} ms.`);
    byId("results").scrollIntoView({ block: "nearest" });
  } catch {
    refused({ message: "The server cannot be reached. Is it running? Try again when it is." });
  } finally {
    byId("measure").disabled = false;
  }
}

function refused(error) {
  byId("answer").replaceChildren();
  byId("snippets").hidden = true;
  say(error.message, { bad: true });
  if (error.code?.endsWith("_api_key")) form.key.focus();
}

const keyHeader = () => (info.asksForKeys ? { "X-API-Key": form.key.value.trim() } : {});

async function startLive(source) {
  const { names, fields } = asked();
  if (!isReady(names)) return;
  live?.end();
  await live?.finished;
  const sides = form.side.value === "both" ? ["left", "right"] : [form.side.value];
  const config = { ...fields, ...(info.asksForKeys ? { apiKey: form.key.value.trim() } : {}) };
  live = new Live({ source, config, sides, specs: names.map((name) => specs.get(name)) });
  byId("stop").disabled = false;
  await live.run();
  byId("stop").disabled = true;
}
