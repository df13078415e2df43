import { render } from "preact";
import { App, AppContext } from "./data/app.ts";
import { Shell } from "./shell/shell.tsx";

const place = document.getElementById("app");
if (place !== null) {
  const app = new App();
  app.start();
  render(
    <AppContext.Provider value={app}>
      <Shell />
    </AppContext.Provider>,
    place,
  );
}
