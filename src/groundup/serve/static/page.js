// What every page has: the address bar that holds the state, so that a link shows the same to others.
window.groundup = {
  values: new URLSearchParams(location.search),
  timer: null,

  /** Put a value into the address. Browsers refuse frequent changes: the newest is written after a pause. */
  remember(key, value) {
    if (value === null) this.values.delete(key);
    else this.values.set(key, value);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.writeAddress(), 250);
  },

  writeAddress() {
    clearTimeout(this.timer);
    const query = this.values.toString();
    history.replaceState(history.state, "", location.pathname + (query ? "?" + query : ""));
    return location.href;
  },

  /** Copy the address, or show it where the browser lets no page copy. */
  async share() {
    const address = this.writeAddress();
    try {
      await navigator.clipboard.writeText(address);
      Quasar.Notify.create({ message: "The link is copied. Whoever opens it sees this page as it is.", timeout: 4000 });
    } catch {
      Quasar.Notify.create({ message: address, timeout: 15000, multiLine: true });
    }
  },
};

// A device with a touch screen has a camera on its back, most often: photographs are offered there.
if (navigator.maxTouchPoints > 0) document.documentElement.classList.add("touch");
