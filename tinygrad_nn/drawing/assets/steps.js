// The steps of backpropagation: what each shows, prediction, hover and click, and the camera.
(() => {
  const data = JSON.parse($("data").textContent);
  const svg = document.querySelector("#view svg");
  const cards = data.nodes.map((_, i) => svg.querySelector("#node" + i));
  const lines = data.lines.map((_, i) => svg.querySelector("#line" + i));
  const last = data.steps.length - 1;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let current = 0, predicting = false, revealed = new Set(), following = false;

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
    if (target !== current) { $("answer").textContent = ""; $("number").value = ""; }
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
      lines[i].setAttribute("stroke-width", flowed ? line.width : passing ? 2 : 0.8);
      if (passing) lines[i].setAttribute("stroke-dasharray", "6 4"); else lines[i].removeAttribute("stroke-dasharray");
    });
    tell(step);
    if (following) follow();
  }

  function tell(step) {
    $("phase").textContent = [step.phase, ...step.where].join(" · ");
    $("text").textContent = hidden() ? step.before : step.text;
    $("guess").hidden = !hidden();
    if (hidden()) $("question").textContent = step.question;
    $("passes").replaceChildren(...step.passes.map((pass) => {
      const card = make("div", undefined, "card"), list = make("dl");
      card.append(make("h3", "to " + pass.to), list);
      const row = (name, text, number) => {
        const told = make("dd", text);
        if (number) told.append(make("span", number, number[0] === "−" ? "below-zero" : number === "0" ? "" : "above-zero"));
        list.append(make("dt", name), told);
      };
      row("rule", pass.rule);
      row("local", pass.local);
      row("chain", pass.chain, hidden() ? "?" : pass.flow);
      row("grad", pass.sum, hidden() ? "?" : pass.after);
      return card;
    }));
  }

  const hold = () => {
    if (!hidden()) return false;
    revealed.add(current);
    show(current);
    return true;
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
    const guess = Number($("number").value.trim().replace("−", "-").replace(",", "."));
    const truth = Number(data.steps[current].answer);
    if ($("number").value.trim() === "" || Number.isNaN(guess)) {
      $("answer").textContent = "Type a number, such as -0.5.";
    } else if (guess === truth || Math.abs(guess - truth) <= 0.01 * Math.abs(truth)) {
      $("answer").textContent = "";
      hold();
      $("text").textContent = "Right. " + data.steps[current].text;
      $("next").focus();
    } else {
      $("answer").textContent = "Not within 1 %: try again, or reveal.";
      $("number").select();
    }
  });
  $("reveal").addEventListener("click", () => { hold(); $("next").focus(); });

  // ---- hover, focus and click ----
  function about(i) {
    const node = data.nodes[i], gradient = latest(node.gradients, hidden() ? current - 1 : current);
    const known = node.step <= (hidden() ? current - 1 : current);
    const about = node.about + (known ? " = " + node.data : "");
    $("about").replaceChildren(make("h2", [node.name, ...node.where].join(" · ")), make("div", about));
    if (gradient) {
      const entry = make("div", "gradient of " + data.root + " with respect to " + node.name + ": " + gradient.text);
      if (latest(node.gradients, last).step > current) entry.append(" so far");
      $("about").append(entry);
    }
    $("about").hidden = false;
  }
  cards.forEach((card, i) => {
    const jump = () => { controls.pause(); controls.go(data.nodes[i].complete); about(i); };
    card.setAttribute("tabindex", "0");
    card.setAttribute("role", "button");
    card.addEventListener("pointerenter", () => about(i));
    card.addEventListener("pointerleave", () => { $("about").hidden = true; });
    card.addEventListener("focus", () => { about(i); reach(i); });
    card.addEventListener("blur", () => { $("about").hidden = true; });
    card.addEventListener("click", () => { if (!dragged) jump(); });
    card.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); jump(); } });
  });

  // ---- the camera: the part of the drawing that is seen ----
  const whole = svg.getAttribute("viewBox").split(" ").map(Number);
  let seen = whole.slice(), moving = 0, dragged = false;
  const look = (box) => { seen = box; svg.setAttribute("viewBox", box.map((n) => n.toFixed(1)).join(" ")); };
  function fly(box) {
    const from = seen.slice(), start = performance.now(), flight = ++moving;
    if (still) return look(box);
    const frame = (now) => {
      if (flight !== moving) return;
      const t = Math.min(1, (now - start) / 260), ease = t * (2 - t);
      look(from.map((n, k) => n + (box[k] - n) * ease));
      if (t < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }
  function zoom(factor) {
    setFollow(false);
    const [x, y, w, h] = seen;
    fly([x + w * (1 - factor) / 2, y + h * (1 - factor) / 2, w * factor, h * factor]);
  }
  function setFollow(on) {
    following = on;
    $("follow").setAttribute("aria-pressed", String(on));
  }
  function window_around(numbers) {
    const size = svg.getBoundingClientRect();
    const boxes = numbers.map((i) => data.nodes[i].box);
    const left = Math.min(...boxes.map((b) => b[0])), right = Math.max(...boxes.map((b) => b[0] + b[2]));
    const top = Math.min(...boxes.map((b) => b[1])), bottom = Math.max(...boxes.map((b) => b[1] + b[3]));
    const scale = Math.min(1.15, size.width / (right - left + 60), size.height / (bottom - top + 60));
    if (scale < 0.6 && numbers.length > 1) return window_around(numbers.slice(0, 1));
    const w = size.width / scale, h = size.height / scale;
    return [(left + right - w) / 2, (top + bottom - h) / 2, w, h];
  }
  function follow() {
    const step = data.steps[current];
    fly(current === 0 ? whole : window_around([step.node, ...data.nodes[step.node].operands]));
  }
  function reach(i) {
    const [x, y, w, h] = data.nodes[i].box, [left, top, width, height] = seen;
    if (x < left || y < top || x + w > left + width || y + h > top + height) fly(window_around([i]));
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
    if (!dragged) { dragged = true; moving++; setFollow(false); }
    const scale = Math.max(seen[2] / size.width, seen[3] / size.height);
    look([grip.from[0] - dx * scale, grip.from[1] - dy * scale, seen[2], seen[3]]);
  });
  addEventListener("pointerup", () => { grip = null; });
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
  const controls = player({ last, pace: data.pace, word: "step", show, hold, keys });
})();
