"use strict";
const $ = (id) => document.getElementById(id);

// The controls of a page of steps or frames: buttons, scrubber and keys. `show` shows a step; while `asks` says so, the
// step waits for an answer: playing stops there, and going forward calls `reveal` first; `keys` are further keys.
function player({ last, pace, word, show, asks = () => false, reveal = () => {}, keys = {} }) {
  let current = 0, timer = null;

  function go(step) {
    current = Math.max(0, Math.min(last, step));
    refresh();
  }
  function refresh() {
    show(current);
    $("scrub").value = current;
    $("scrub").setAttribute("aria-valuetext", word + " " + current + " of " + last);
    $("count").textContent = word + " " + current + " / " + last;
  }
  function forward() {
    if (asks()) reveal(); else go(current + 1);
  }
  function tick() {
    if (!asks()) go(current + 1);
    if (current === last || asks()) pause();
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    $("play").setAttribute("aria-pressed", "false");
    $("play").textContent = "play";
  }
  function play() {
    if (timer) return pause();
    if (current === last) go(0);
    $("play").setAttribute("aria-pressed", "true");
    $("play").textContent = "pause";
    timer = setInterval(tick, pace);
  }

  const still = (action) => () => { pause(); action(); };
  const actions = {
    first: still(() => go(0)), previous: still(() => go(current - 1)), play,
    next: still(forward), last: still(() => go(last)),
  };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
  $("scrub").addEventListener("input", still(() => go(Number($("scrub").value))));
  const pressed = {
    ArrowRight: actions.next, ArrowLeft: actions.previous, Home: actions.first, End: actions.last, " ": play, ...keys,
  };
  addEventListener("keydown", (event) => {
    const { target, key } = event;
    const typing = target.tagName === "INPUT" && target.type !== "range" && (target.value || key.length === 1);
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !pressed[key]) return;
    if (target.tagName === "BUTTON" && key === " ") return;
    event.preventDefault();
    pressed[key]();
  });
  queueMicrotask(refresh);
  return { go, forward, pause, refresh, step: () => current };
}
