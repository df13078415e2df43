import type { JSX } from "preact";
import type { LinkEdge } from "#observe/views.ts";
import { useApp } from "../../data/app.ts";
import { bytesPerSecond, duration, span } from "../../domain/format.ts";
import { ControlButton } from "../../parts/controls.tsx";
import { Empty } from "../../parts/panel.tsx";
import { SiteName } from "../../parts/share-bar.tsx";
import { Status } from "../../parts/status.tsx";

export function LinksTable({ links }: { links: readonly LinkEdge[] }): JSX.Element {
  const app = useApp();
  const chosen = app.route.value.query["link"];
  const sandbox = app.about.value?.sandbox === true;
  if (links.length === 0) {
    return (
      <Empty title="No links" next={app.cli("link create FILE")}>
        A site links to another with a token of that site.
      </Empty>
    );
  }
  const sorted = links.toSorted((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Links">
      <table class="fixed">
        <thead>
          <tr>
            <th class="w-name">Link</th>
            <th class="w-pair">Sites</th>
            <th class="w-state">State</th>
            <th class="number w-short">Cost</th>
            <th class="number w-num">RTT</th>
            <th class="number w-bytes" title="From the site that dialled">
              Out
            </th>
            <th class="number w-bytes">Back</th>
            <th class="number w-short">Streams</th>
            {sandbox && <th class="w-action">Try</th>}
          </tr>
        </thead>
        <tbody>
          {sorted.map((link) => (
            <tr
              key={link.id}
              class={link.id === chosen ? "selected" : ""}
              onClick={() => app.choose({ link: link.id })}
            >
              <td class="name" title={link.name}>
                {link.name}
              </td>
              <td>
                <SiteName name={app.siteName(link.from)} /> <span class="quiet">→</span>{" "}
                <SiteName name={app.siteName(link.to)} />
              </td>
              <td title={link.error ?? `for ${span(app.nowMs.value - link.sinceMs)}`}>
                <Status state={link.state} />
              </td>
              <td class="number">{link.cost}</td>
              <td class="number">{link.state === "up" ? duration(link.rttMs) : "–"}</td>
              <td class="number">{link.state === "up" ? bytesPerSecond(link.bytesForth) : "–"}</td>
              <td class="number">{link.state === "up" ? bytesPerSecond(link.bytesBack) : "–"}</td>
              <td class="number">{link.streams}</td>
              {sandbox && (
                <td>
                  <CutButton link={link} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CutButton({ link }: { link: LinkEdge }): JSX.Element {
  const cut = { do: "cut-link", link: link.id } as const;
  const restore = { do: "restore-link", link: link.id } as const;
  return link.state === "up" ? (
    <ControlButton
      control={cut}
      icon="cut"
      label={`Cut link ${link.name}`}
      undo={{ label: "Restore", control: restore }}
    >
      Cut
    </ControlButton>
  ) : (
    <ControlButton control={restore} icon="mend" label={`Restore link ${link.name}`}>
      Restore
    </ControlButton>
  );
}
