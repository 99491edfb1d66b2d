// Live mode: frames of a camera or a video over a WebSocket, and what comes back drawn over them.

import { byId, element, say } from "./dom.js";
import { drawMarks } from "./draw.js";
import { Plot } from "./plot.js";
import { reason } from "./words.js";

const LONG_SIDE_PX = 960;
const JPEG_QUALITY = 0.85;
const MAX_UNANSWERED = 3;
// A camera does not wait: frames that find no room are left out. A video does, and loses none.
const OVERFLOW = { camera: "latest", video: "block" };
const HEAD_BYTES = 16;
const RATE_OVER_MS = 2000;
const ANSWER_TIMEOUT_MS = 15000;

export class Live {
  constructor({ source, config, specs, sides }) {
    this.video = element("video", { muted: true, playsinline: true });
    this.video.muted = true;
    this.source = source;
    this.waits = source instanceof File;
    this.config = { ...config, overflow: OVERFLOW[this.waits ? "video" : "camera"] };
    this.sent = new Map();
    this.answeredAt = [];
    this.nextId = 0;
    this.isEnding = false;
    this.plots = specs.map((spec) => new Plot(spec, sides));
    this.finished = new Promise((resolve) => (this.finish = resolve));
  }

  async run() {
    byId("live").hidden = false;
    byId("plots").replaceChildren(...this.plots.map((plot) => plot.node));
    byId("summary").replaceChildren();
    byId("rate").textContent = "";
    try {
      await this.openVideo();
    } catch (error) {
      this.close();
      say(unopened(this.source, error), { bad: true });
      return;
    }
    this.openSocket();
    await this.finished;
  }

  async openVideo() {
    if (this.waits) {
      this.video.src = URL.createObjectURL(this.source);
    } else {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
    }
    await this.video.play();
    this.video.pause();
    if (this.waits) this.video.currentTime = 0;
  }

  openSocket() {
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
    this.socket.addEventListener("open", async () => {
      this.socket.send(JSON.stringify(this.config));
      say("Live.");
      this.video.addEventListener("ended", () => this.end());
      this.nextFrame();
      await this.video.play();
    });
    this.socket.addEventListener("message", (event) => this.receive(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.closed());
  }

  get hasRoom() {
    return this.sent.size < MAX_UNANSWERED && this.socket.bufferedAmount === 0;
  }

  nextFrame() {
    this.video.requestVideoFrameCallback(async (_, frame) => {
      if (this.isEnding) return;
      this.nextFrame();
      if (this.waits || this.hasRoom) await this.send(frame.mediaTime);
      if (this.waits && !this.hasRoom) this.video.pause();
    });
  }

  // What is answered has been sent, even where the browser still counts it as waiting.
  // A video that is paused at its very end has ended without an event.
  goOn() {
    if (!this.waits || !this.video.paused) return;
    if (this.video.ended) this.end();
    else if (this.sent.size < MAX_UNANSWERED) this.video.play().catch(() => {});
  }

  async send(seconds) {
    const id = this.nextId++;
    const scale = Math.min(1, LONG_SIDE_PX / Math.max(this.video.videoWidth, this.video.videoHeight));
    const picture = new OffscreenCanvas(Math.round(this.video.videoWidth * scale), Math.round(this.video.videoHeight * scale));
    picture.getContext("2d").drawImage(this.video, 0, 0, picture.width, picture.height);
    this.sent.set(id, { picture, seconds, at: performance.now() });
    const encoded = picture.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY });
    // A busy browser may have a later frame encoded first.
    this.lastSent = Promise.all([encoded, this.lastSent]).then(([jpeg]) => this.sendFrame(id, seconds, jpeg));
    await this.lastSent;
  }

  sendFrame(id, seconds, jpeg) {
    if (this.socket.readyState !== WebSocket.OPEN || this.isClosing) return;
    const head = new DataView(new ArrayBuffer(HEAD_BYTES));
    head.setBigUint64(0, BigInt(id));
    head.setFloat64(8, seconds);
    this.socket.send(new Blob([head, jpeg]));
  }

  receive(answer) {
    if (answer.status === "error") {
      this.failure = answer.error.message;
      return;
    }
    if (answer.summary) {
      this.showSummary(answer.summary);
      return;
    }
    const sent = this.sent.get(answer.sequenceId);
    this.sent.delete(answer.sequenceId);
    if (answer.error) say(answer.error.message, { bad: true });
    else if (sent && answer.dropped === undefined) this.show(answer, sent);
    if (this.isEnding) this.sendEnd();
    else this.goOn();
  }

  show(answer, { picture, seconds, at }) {
    const canvas = byId("frame");
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      Object.assign(canvas, { width: picture.width, height: picture.height });
    }
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    for (const person of answer.people) drawMarks(context, person.marks);
    this.showRate(performance.now() - at, answer.milliseconds);
    const measured = answer.people[0]?.measurements ?? [];
    this.begins ??= seconds;
    this.plots.forEach((plot, index) => plot.add(seconds - this.begins, measured[index]?.value));
    say(answer.people.length ? missing(measured) : "Nobody is seen.");
  }

  showRate(latencyMs, { infer }) {
    const now = performance.now();
    this.answeredAt.push(now);
    while (this.answeredAt[0] < now - RATE_OVER_MS) this.answeredAt.shift();
    const over = Math.min(RATE_OVER_MS, now - this.answeredAt[0]) || 1;
    const rate = ((this.answeredAt.length - 1) * 1000) / over;
    byId("rate").textContent = `${rate.toFixed(0)} frames/s, ${latencyMs.toFixed(0)} ms from frame to answer, ${infer.toFixed(0)} ms of it the model`;
  }

  // No more frames; the server answers what it has, and sums up.
  end() {
    if (this.isEnding) return;
    this.isEnding = true;
    this.video.pause();
    this.release();
    if (this.socket?.readyState !== WebSocket.OPEN) this.closed();
    else {
      this.sendEnd();
      setTimeout(() => this.socket.close(), ANSWER_TIMEOUT_MS);
    }
  }

  sendEnd() {
    if (this.sent.size || this.isClosing) return;
    this.isClosing = true;
    this.socket.send(JSON.stringify({ end: true }));
  }

  closed() {
    if (this.failure) say(this.failure, { bad: true });
    else if (this.isEnding) say("Done.");
    else say("The connection to the server was lost. Is it running? Start again when it is.", { bad: true });
    this.close();
  }

  close() {
    this.isEnding = true;
    this.release();
    this.finish();
  }

  release() {
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    if (this.video.src) URL.revokeObjectURL(this.video.src);
  }

  showSummary(summary) {
    const person = summary.people.toSorted((one, other) => other.measurements.length - one.measurements.length)[0];
    if (!person) return;
    const rows = person.measurements.flatMap((one) => {
      const plot = this.plots.find(({ spec }) => spec.name === one.name);
      return plot.sides.filter((side) => one.sides[side]).map((side) => row(plot.spec.title, side, one.sides[side]));
    });
    byId("summary").replaceChildren(
      element("h2", {}, `Range of motion in ${summary.seconds.toFixed(1)} s, ${summary.frames} frames`),
      element("table", {}, element("tr", {}, ...["", "side", "least", "most", "repetitions"].map((text) => element("th", { scope: "col" }, text))), ...rows),
    );
  }
}

function row(title, side, { min, max, repetitions }) {
  const degrees = (value) => (value === null ? "–" : `${Math.round(value)}°`);
  return element("tr", {}, ...[title, side, degrees(min), degrees(max), repetitions].map((text) => element("td", {}, String(text))));
}

function missing(measured) {
  const [one] = measured.filter(({ reasons }) => Object.keys(reasons).length);
  if (!one) return "Live.";
  const [side, code] = Object.entries(one.reasons)[0];
  return `Live. No ${side}: ${reason({ code })}`;
}

function unopened(source, error) {
  if (source instanceof File) return `${source.name} cannot be played by this browser. Choose another video.`;
  if (error.name === "NotAllowedError") return "The browser was not allowed to use the camera. Allow it and start again.";
  if (error.name === "NotFoundError") return "There is no camera. Choose a video instead.";
  return `The camera cannot be used: ${error.message}`;
}
