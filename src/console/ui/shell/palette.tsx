import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ServicesView } from "#observe/views.ts";
import { getJson } from "../data/api.ts";
import { useApp } from "../data/app.ts";
import { findPlaces, type Place } from "../domain/places.ts";
import { hrefOf } from "../domain/routes.ts";
import { Dialog } from "./dialog.tsx";

const MOST = 12;

/** Jumps to any view, service or site by a few letters of its name. */
export function Palette(): JSX.Element {
  const app = useApp();
  const text = useSignal("");
  const chosen = useSignal(0);
  const services = useSignal<readonly string[]>([]);
  useEffect(() => {
    void getJson<ServicesView>("/api/v1/services").then((answer) => {
      if (answer.ok) services.value = answer.value.services.map(({ service }) => service);
    });
  }, []);
  const places: Place[] = [
    { name: "Network", kind: "view", href: "/" },
    { name: "Services", kind: "view", href: "/services" },
    { name: "Flows", kind: "view", href: "/flows" },
    { name: "Activity", kind: "view", href: "/activity" },
    ...(app.network.value?.sites ?? []).map(({ id, name }) => ({
      name,
      kind: "site",
      href: hrefOf("site", id),
    })),
    ...services.value.map((name) => ({ name, kind: "service", href: hrefOf("service", name) })),
  ];
  const found = findPlaces(places, text.value).slice(0, MOST);
  const go = (place: Place | undefined): void => {
    app.dialog.value = undefined;
    if (place !== undefined) app.go(place.href);
  };
  const onKey = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) {
      event.preventDefault();
      chosen.value = Math.max(0, Math.min(found.length - 1, chosen.value + by));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(found[chosen.value]);
    }
  };
  return (
    <Dialog title="Go to" class="palette">
      <input
        type="search"
        role="combobox"
        list={undefined}
        aria-label="Name of a view, site or service"
        aria-expanded="true"
        aria-controls="places"
        aria-activedescendant={`place-${chosen.value}`}
        placeholder="View, site or service"
        autocomplete="off"
        autofocus
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          chosen.value = 0;
        }}
        onKeyDown={onKey}
      />
      <ul id="places" role="listbox" aria-label="Places">
        {found.map((place, index) => (
          <li
            key={place.href}
            id={`place-${index}`}
            role="option"
            aria-selected={index === chosen.value}
            onClick={() => go(place)}
          >
            {place.name}
            <span class="quiet">{place.kind}</span>
          </li>
        ))}
        {found.length === 0 && <li class="quiet">Nothing has this name</li>}
      </ul>
    </Dialog>
  );
}
