// How pictures are seen: brightness, contrast, zoom and place, the same for all of a trial.

const NEUTRAL = { brightness: 0, contrast: 0, zoom: 1, x: 0.5, y: 0.5 };
const MOST_ZOOM = 8;
const view = { ...NEUTRAL };
const pictures = [];

/**
 * The pixel (alpha, blue, green, red) that each grey level is shown as: contrast turns about
 * mid-grey, in powers of two.
 */
function windowTable() {
  const gain = 2 ** view.contrast;
  const levels = Uint8ClampedArray.from({ length: 256 }, (_, grey) =>
    (grey - 127.5) * gain + 127.5 + view.brightness
  );
  return Uint32Array.from(levels, (level) => 0xff000000 + level * 0x010101);
}

/** A canvas that shows one picture of a trial. */
function createPicture(canvas) {
  const source = document.createElement('canvas');
  let greys = null;
  let wanted = null;

  function draw() {
    if (!greys) return;
    const table = windowTable();
    const shown = new ImageData(source.width, source.height);
    const pixels = new Uint32Array(shown.data.buffer);
    greys.forEach((grey, place) => { pixels[place] = table[grey]; });
    source.getContext('2d').putImageData(shown, 0, 0);
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    const [width, height] = [canvas.width * view.zoom, canvas.height * view.zoom];
    const [left, top] = [canvas.width / 2 - view.x * width, canvas.height / 2 - view.y * height];
    context.drawImage(source, left, top, width, height);
  }

  async function show(encoded) {
    wanted = encoded;
    const image = new Image();
    image.src = `data:image/png;base64,${encoded}`;
    await image.decode();
    // Who turns pages fast has asked for another picture meanwhile.
    if (wanted !== encoded) return;
    [source.width, source.height] = [image.naturalWidth, image.naturalHeight];
    canvas.style.aspectRatio = `${source.width} / ${source.height}`;
    const context = source.getContext('2d', { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, source.width, source.height);
    greys = Uint8Array.from({ length: data.length / 4 }, (_, place) => data[4 * place]);
    draw();
  }

  function clear() {
    greys = null;
    wanted = null;
    canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
  }

  return { canvas, show, draw, clear };
}

/** Changes the view within its limits, and all pictures with it. */
function changeView(changes) {
  Object.assign(view, changes);
  const limited = (value, least, most) => Math.min(most, Math.max(least, value));
  view.brightness = limited(view.brightness, -100, 100);
  view.contrast = limited(view.contrast, -2, 2);
  view.zoom = limited(view.zoom, 1, MOST_ZOOM);
  const edge = 0.5 / view.zoom;
  view.x = limited(view.x, edge, 1 - edge);
  view.y = limited(view.y, edge, 1 - edge);
  pictures.forEach((picture) => {
    // One finger scrolls the page until there is something in the picture to move.
    picture.canvas.style.touchAction = view.zoom > 1 ? 'none' : 'pan-y';
    picture.draw();
  });
  document.dispatchEvent(new Event('view'));
}

/** Zooms about a point of a canvas, which keeps its place. */
function zoomAbout(canvas, clientX, clientY, factor) {
  const box = canvas.getBoundingClientRect();
  const zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
  const gain = 1 / view.zoom - 1 / zoom;
  const right = (clientX - box.left) / box.width - 0.5;
  const down = (clientY - box.top) / box.height - 0.5;
  changeView({ zoom, x: view.x + right * gain, y: view.y + down * gain });
}

/**
 * Mouse and touch on a picture: drag moves it, the right button or Shift and drag change contrast
 * (left and right) and brightness (up and down), wheel and two fingers zoom.
 */
function listenToPointers(canvas) {
  const fingers = new Map();
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  canvas.addEventListener('pointermove', (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const [right, down] = [event.clientX - last.clientX, event.clientY - last.clientY];
    const before = fingers.size === 2 ? spread() : 0;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      const middle = [(a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2];
      zoomAbout(canvas, ...middle, spread() / Math.max(before, 1));
    } else if (event.buttons === 2 || event.shiftKey) {
      changeView({ contrast: view.contrast + right / 100, brightness: view.brightness - down / 2 });
    } else {
      const x = view.x - right / canvas.clientWidth / view.zoom;
      changeView({ x, y: view.y - down / canvas.clientHeight / view.zoom });
    }
  });
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoomAbout(canvas, event.clientX, event.clientY, 2 ** (-event.deltaY / 400));
  }, { passive: false });
}

document.querySelectorAll('.pictures canvas').forEach((canvas) => {
  pictures.push(createPicture(canvas));
  listenToPointers(canvas);
});
window.addEventListener('resize', () => pictures.forEach((picture) => picture.draw()));
