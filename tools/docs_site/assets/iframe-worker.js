// The search of the site runs in a worker, which browsers refuse to pages opened from files: there it runs in a frame.
// mkdocs-material takes any script whose name says iframe-worker for what it would else load from elsewhere.
(() => {
  "use strict";
  if (location.protocol !== "file:") return;

  window.Worker = class extends EventTarget {
    constructor(source) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      this.inside = frame.contentWindow;
      this.inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.inside.importScripts = (...urls) => Promise.all(urls.map((url) => this.load(url)));
      this.load(new URL(source, location.href)).then(() => {
        this.ready = true;
        this.waiting.forEach((data) => this.deliver(data));
      });
    }

    load(url) {
      return new Promise((resolve) => {
        const script = this.inside.document.createElement("script");
        script.src = url;
        script.onload = resolve;
        this.inside.document.body.append(script);
      });
    }

    deliver(data) {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    }

    postMessage(data) {
      if (this.ready) this.deliver(data);
      else this.waiting.push(data);
    }
  };
})();
