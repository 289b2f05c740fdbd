"use strict";

/** A drawing pad on a canvas, for mouse, finger and pen. `changed` is called whenever the strokes are others. */
class Pad {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.pointer = null; // the one that draws; others, such as the palm of the hand, are ignored
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.go(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.end(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  begin(event) {
    if (this.pointer !== null || event.button !== 0) return;
    event.preventDefault();
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.place(event)]);
    this.update();
  }

  go(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    // Where a fast hand was between two frames is known too.
    this.strokes.at(-1).push(...(events.length ? events : [event]).map((each) => this.place(each)));
    this.update();
  }

  end(event) {
    if (event.pointerId === this.pointer) this.pointer = null;
  }

  undo() {
    this.strokes.pop();
    this.pointer = null;
    this.update();
  }

  clear() {
    this.strokes = [];
    this.pointer = null;
    this.update();
  }

  /** Where an event is, from 0 to 1 of the pad's side. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  update() {
    this.draw();
    this.changed();
  }

  draw() {
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio);
    this.canvas.width = this.canvas.height = side; // this clears it, too
    const context = this.canvas.getContext("2d");
    context.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--ink");
    drawStrokes(context, this.strokes, side, PEN);
  }
}
