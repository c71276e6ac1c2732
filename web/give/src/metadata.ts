// A charity's own description. The registry keeps the document's hash, so it does not matter where it comes
// from: a document whose hash differs is not shown.

import { keccak256 } from "viem";
import type { Config } from "./config";
import type { Charity } from "./directory";
import { plain } from "./text";

const MOST_BYTES = 65_536;
const TIMEOUT = 6_000;

const begun = new WeakMap<Charity, Promise<void>>();

/** Reads the description once and sets name and about; a document that is not there changes nothing. */
export function describe(charity: Charity, config: Config): Promise<void> {
  const reading = begun.get(charity) ?? look(charity, config);
  begun.set(charity, reading);
  return reading;
}

async function look(charity: Charity, config: Config): Promise<void> {
  charity.isRead = true;
  for (const place of placesOf(charity, config)) {
    const bytes = await place().catch(() => null);
    if (bytes === null || keccak256(bytes) !== charity.metadataHash) continue;
    try {
      const found = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
      if (typeof found["name"] === "string") charity.name = plain(found["name"], 80) || null;
      if (typeof found["country"] === "string") charity.country = plain(found["country"], 40) || null;
      if (typeof found["description"] === "string") charity.about = plain(found["description"], 240) || null;
    } catch {
      // The hash is right and the document is no JSON: the charity's own affair, its number remains.
    }
    return;
  }
}

/** Whether reading the description asks nobody over the network. */
export const isAtHand = (charity: Charity): boolean => charity.uri.startsWith("data:");

function* placesOf(charity: Charity, config: Config): Generator<() => Promise<Uint8Array | null>> {
  const { uri } = charity;
  if (isAtHand(charity)) {
    yield async () => ofDataUri(uri);
    return;
  }
  if (config.metadata !== null) {
    const base = config.metadata.replace(/\/*$/, "/");
    yield () => download(`${base}${charity.metadataHash}.json`);
  }
  if (uri.startsWith("https://")) yield () => download(uri);
  if (uri.startsWith("ipfs://") && config.ipfsGateway !== null) {
    yield () => download(config.ipfsGateway + uri.slice("ipfs://".length));
  }
}

function ofDataUri(uri: string): Uint8Array | null {
  const comma = uri.indexOf(",");
  if (comma < 0) return null;
  const body = uri.slice(comma + 1);
  if (uri.slice(0, comma).endsWith(";base64")) {
    return Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  }
  return new TextEncoder().encode(decodeURIComponent(body));
}

async function download(url: string): Promise<Uint8Array | null> {
  const answer = await fetch(url, {
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal: AbortSignal.timeout(TIMEOUT),
  });
  if (!answer.ok || answer.body === null) return null;
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = answer.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > MOST_BYTES) {
      await reader.cancel();
      return null;
    }
    parts.push(part.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The first and last digits of a legal id's hash. */
export const shortLegalId = (charity: Charity): string => `${charity.legalId.slice(0, 8)}\u2026${charity.legalId.slice(-4)}`;

