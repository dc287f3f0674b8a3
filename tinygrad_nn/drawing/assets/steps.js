// The steps of backpropagation: what each shows, prediction, hover and click, and the camera.
(() => {
  const data = JSON.parse($("data").textContent);
  const svg = document.querySelector("#view svg");
  const cards = data.nodes.map((_, i) => svg.querySelector("#node" + i));
  const lines = data.lines.map((_, i) => svg.querySelector("#line" + i));
  const last = data.steps.length - 1;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let current = 0, predicting = false, revealed = new Set(), following = false, pointed = null;

  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const latest = (history, upto) => {
    let found = null;
    for (const entry of history) if (entry.step <= upto) found = entry;
    return found;
  };

  // ---- what a step shows ----
  const hidden = () => predicting && current > 0 && !revealed.has(current);

  function show(target) {
    const moved = target !== current;
    if (moved) { $("answer").textContent = ""; $("number").value = ""; }
    current = target;
    const step = data.steps[current], upto = hidden() ? current - 1 : current;
    data.nodes.forEach((node, i) => {
      const card = cards[i], gradient = latest(node.gradients, upto), known = node.step <= upto;
      card.querySelector(".data").textContent = known ? node.data : i === step.node && current > 0 ? "?" : "";
      card.querySelector(".grad").textContent = gradient ? gradient.text : "–";
      card.querySelector(".shade").setAttribute("fill", gradient ? gradient.fill : "#ffffff");
      const frame = card.querySelector(".frame"), active = i === step.node && current > 0;
      frame.setAttribute("stroke", active || node.root ? "#1f2937" : "#8a94a3");
      frame.setAttribute("stroke-width", active ? 3 : node.root ? 1.8 : 1);
      card.setAttribute("aria-label", node.name + (known ? " = " + node.data : ", not computed yet") +
        (gradient ? ", gradient " + gradient.text : ", no gradient yet"));
    });
    data.lines.forEach((line, i) => {
      if (!lines[i]) return;
      const flowed = line.step !== null && line.step <= upto;
      const passing = line.step === current || (step.phase === "forward" && line.head === step.node);
      lines[i].setAttribute("stroke", flowed ? line.color : "#8a94a3");
      lines[i].setAttribute("fill", flowed ? line.color : "#8a94a3");
      lines[i].setAttribute("stroke-width", flowed ? line.width : passing ? data.passing : 0.8);
      if (passing) lines[i].setAttribute("stroke-dasharray", "6 4"); else lines[i].removeAttribute("stroke-dasharray");
    });
    tell(step);
    if (pointed !== null) about(pointed);
    if (following) follow();
    if (moved && hidden() && !cards.includes(document.activeElement) && document.activeElement.type !== "range") {
      $("number").focus();
    }
  }

  function tell(step) {
    $("phase").textContent = [step.phase, ...step.where].join(" · ");
    $("text").textContent = hidden() ? step.before : step.text;
    $("guess").hidden = !hidden();
    if (hidden()) $("question").textContent = step.question;
    $("passes").replaceChildren(...step.passes.map((pass) => {
      const card = make("div", undefined, "card"), list = make("dl");
      card.append(make("h3", "to " + pass.to), list);
      const row = (name, text, number, sign) => {
        const told = make("dd", text);
        if (number) told.append(make("span", hidden() ? "?" : number, ["below-zero", "", "above-zero"][1 + sign]));
        list.append(make("dt", name), told);
      };
      row("rule", pass.rule);
      row("local", pass.derivative, pass.local, pass.signs[0]);
      row("chain", hidden() ? "" : pass.chain, pass.flow, pass.signs[1]);
      row("grad", pass.sum + (hidden() ? "" : pass.before), pass.after, pass.signs[2]);
      return card;
    }));
  }

  const reveal = () => {
    revealed.add(current);
    show(current);
  };

  // ---- predict before reveal ----
  function predict() {
    predicting = !predicting;
    revealed = new Set();
    $("predict").setAttribute("aria-pressed", String(predicting));
    show(current);
    if (hidden()) $("number").focus();
  }
  $("guess").addEventListener("submit", (event) => {
    event.preventDefault();
    const step = data.steps[current], text = $("number").value.trim();
    const guess = read(text), truth = Number(step.answer), shown = Number(step.shown);
    const near = Math.abs(guess - truth) <= Math.max(0.01 * Math.abs(truth), Number(step.rounding));
    if (text === "" || (Number.isNaN(guess) && !/^nan$/i.test(text))) {
      $("answer").textContent = "Type a number, such as -0.5.";
    } else if (Object.is(guess, truth) || guess === truth || guess === shown || near) {
      reveal();
      $("answer").textContent = "";
      $("text").textContent = "Right. " + step.text;
      $("next").focus();
    } else {
      $("answer").textContent = "Not within 1 %: try again, or reveal.";
      $("number").select();
    }
  });
  function read(text) {
    const plain = text.replace("−", "-").replace(",", ".").replace(/^([-+]?)(inf|infinity|∞)$/i, "$1Infinity");
    return Number(plain);
  }
  $("reveal").addEventListener("click", () => { reveal(); $("next").focus(); });

  // ---- hover, focus and click ----
  function about(i) {
    const node = data.nodes[i], gradient = latest(node.gradients, hidden() ? current - 1 : current);
    const known = node.step <= (hidden() ? current - 1 : current);
    const told = node.about + (known ? " = " + node.data : "");
    $("about").replaceChildren(make("h2", [node.name, ...node.where].join(" · ")), make("div", told));
    if (gradient) {
      const partly = latest(node.gradients, last).step > current ? " so far" : "";
      const entry = "gradient of " + data.root + " with respect to " + node.name + ": " + gradient.text + partly;
      $("about").append(make("div", entry), make("div", "as computed: " + gradient.exact, "exact"));
    }
    pointed = i;
    $("about").hidden = false;
  }
  function forget() {
    pointed = null;
    $("about").hidden = true;
  }
  cards.forEach((card, i) => {
    const jump = () => { controls.pause(); controls.go(data.nodes[i].complete); about(i); };
    card.setAttribute("tabindex", "0");
    card.setAttribute("role", "button");
    card.addEventListener("pointerenter", () => about(i));
    card.addEventListener("pointerleave", forget);
    card.addEventListener("focus", () => { about(i); reach(i); });
    card.addEventListener("blur", forget);
    card.addEventListener("click", () => { if (!dragged) jump(); });
    card.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      jump();
    });
  });

  // ---- the camera: the part of the drawing that is seen ----
  const whole = svg.getAttribute("viewBox").split(" ").map(Number);
  let seen = whole.slice(), goal = seen, moving = 0, dragged = false;
  const look = (box) => { seen = box; svg.setAttribute("viewBox", box.map((n) => n.toFixed(1)).join(" ")); };
  function fly(box) {
    const from = seen.slice(), start = performance.now(), flight = ++moving;
    goal = box;
    if (still) return look(box);
    const frame = (now) => {
      if (flight !== moving) return;
      const t = Math.max(0, Math.min(1, (now - start) / 260)), ease = t * (2 - t);
      look(from.map((n, k) => n + (box[k] - n) * ease));
      if (t < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }
  function zoom(factor) {
    setFollow(false);
    const [x, y, w, h] = goal;
    fly([x + w * (1 - factor) / 2, y + h * (1 - factor) / 2, w * factor, h * factor]);
  }
  function setFollow(on) {
    following = on;
    $("follow").setAttribute("aria-pressed", String(on));
  }
  function windowAround(numbers) {
    const size = svg.getBoundingClientRect(), buttons = 52;  // pixels at the bottom that the buttons cover
    const boxes = numbers.map((i) => data.nodes[i].box);
    const left = Math.min(...boxes.map((b) => b[0])), right = Math.max(...boxes.map((b) => b[0] + b[2]));
    const top = Math.min(...boxes.map((b) => b[1])), bottom = Math.max(...boxes.map((b) => b[1] + b[3]));
    const scale = Math.min(1.15, size.width / (right - left + 60), (size.height - buttons) / (bottom - top + 40));
    if (scale < 0.6 && numbers.length > 1) return windowAround(numbers.slice(0, 1));
    const w = size.width / scale, h = size.height / scale;
    return [(left + right - w) / 2, (top + bottom - h + buttons / scale) / 2, w, h];
  }
  function follow() {
    const step = data.steps[current];
    fly(current === 0 ? whole : windowAround([step.node, ...data.nodes[step.node].operands]));
  }
  function reach(i) {
    const [x, y, w, h] = data.nodes[i].box, [left, top, width, height] = seen;
    if (x < left || y < top || x + w > left + width || y + h > top + height) fly(windowAround([i]));
  }
  let grip = null;
  svg.addEventListener("pointerdown", (event) => {
    dragged = false;
    grip = { x: event.clientX, y: event.clientY, from: seen.slice() };
  });
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    const size = svg.getBoundingClientRect(), dx = event.clientX - grip.x, dy = event.clientY - grip.y;
    if (!dragged && Math.hypot(dx, dy) < 5) return;
    if (!dragged) { dragged = true; moving++; grip.from = seen.slice(); setFollow(false); }
    const scale = Math.max(seen[2] / size.width, seen[3] / size.height);
    look(goal = [grip.from[0] - dx * scale, grip.from[1] - dy * scale, seen[2], seen[3]]);
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { grip = null; });
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8);
  }, { passive: false });

  const buttons = {
    predict, closer: () => zoom(0.8), farther: () => zoom(1.25), fit: () => { setFollow(false); fly(whole); },
    follow: () => { setFollow(!following); if (following) follow(); },
  };
  for (const [id, action] of Object.entries(buttons)) $(id).addEventListener("click", action);
  const keys = { p: predict, "+": buttons.closer, "-": buttons.farther, f: buttons.fit, c: buttons.follow };
  const size = svg.getBoundingClientRect();
  if (Math.min(size.width / whole[2], size.height / whole[3]) < 0.6) setFollow(true);
  const controls = player({ last, pace: data.pace, word: "step", show, asks: hidden, reveal, keys });
})();
