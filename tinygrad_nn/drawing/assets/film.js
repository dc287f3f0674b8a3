// The frames of a film: their pictures and their words.
const data = JSON.parse($("data").textContent);

player({
  last: data.frames.length - 1, pace: data.pace, word: "frame",
  show: (current) => {
    const frame = data.frames[current], images = $("pictures").children;
    $("text").textContent = frame.text;
    frame.pictures.forEach((picture, i) => {
      const image = images[i] || $("pictures").appendChild(document.createElement("img"));
      image.src = "data:image/svg+xml;base64," + picture;
      image.alt = frame.text;
    });
    while (images.length > frame.pictures.length) images[images.length - 1].remove();
  },
});
