/**
 * The dashboard's page: which of its two pages is shown (the part of the address behind `#`), the streams from the server, and what is said of
 * them. All that is drawn comes from server-sent events; nothing is loaded from anywhere else.
 */
import type { DashboardState, HistoryPoint, SceneFrame } from "../src/dashboard/state.ts";
import { byId, setText } from "./dom.ts";
import { Live } from "./live.ts";
import { Overview } from "./overview.ts";
import { PeerPage } from "./peer-page.ts";
import { SceneView } from "./scene.ts";

const overviewElement = byId("overview");
const peerElement = byId("peer");
const statusElement = byId("status");

let run: string | undefined;
let restartedAt: string | undefined;
let isWatching = false;
let peerPage: PeerPage | undefined;

const overview: Overview = new Overview(() => states.open(`/events?${overview.query}`));
const sceneView = new SceneView(byId("scene") as HTMLCanvasElement);
const scene = new Live({ scene: (frame: SceneFrame) => sceneView.show(frame) });
const states = new Live(
  {
    history: (points: HistoryPoint[]) => overview.setHistory(points),
    state: showState,
  },
  showLive,
);

function showState(state: DashboardState): void {
  if (run !== undefined && run !== state.run) {
    restartedAt = new Date().toLocaleTimeString();
    // Ids of peers are others now.
    if (peerPage !== undefined) location.hash = "#/";
  }
  run = state.run;
  document.title = `${state.title} · ${state.peers} peers`;
  setText(byId("title"), state.title);
  const ports = state.ports.map(({ port }) => port);
  const range = ports.length > 4 ? `${ports[0]} … ${ports.at(-1)}` : ports.join(", ");
  setText(byId("about"), `${state.hosts.join(", ")}, UDP ports ${range}`);
  overview.update(state);
  document.body.classList.remove("waiting");
  showLive(true);
  const isShown = state.hasScene && peerPage === undefined;
  if (byId("scene-card").hidden === isShown) {
    byId("scene-card").hidden = !isShown;
    if (isShown) scene.open("/scene/events");
    else scene.close();
  }
}

function showLive(isLive: boolean): void {
  document.body.classList.toggle("lost", !isLive);
  const again = restartedAt === undefined ? "" : `; the server was started again at ${restartedAt}`;
  setText(statusElement, isLive ? `live${again}` : "no connection; trying again …");
}

/** Shows the page that the address names; only that one is told anything. */
function showPage(): void {
  const id = /^#\/peer\/(\d{1,10})$/.exec(location.hash)?.[1];
  peerPage?.close();
  peerPage = undefined;
  overviewElement.hidden = id !== undefined;
  peerElement.hidden = id === undefined;
  window.scrollTo(0, 0);
  if (id !== undefined) {
    scene.close();
    byId("scene-card").hidden = true;
    peerPage = new PeerPage(peerElement, Number(id), () => {});
  }
  // The state goes on on a peer's page too: it says whether the server is there, and the curves go on.
  if (!isWatching) states.open(`/events?${overview.query}`);
  isWatching = true;
}

addEventListener("hashchange", showPage);
showPage();
