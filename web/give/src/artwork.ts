// Pictures that strangers have named. None is ever loaded but by <img>, which runs no script, and only from where
// a look tells its owner nothing: out of the address itself, or through the gateway that whoever runs the page chose.

import type { Config } from "./config";
import { Fault } from "./errors";
import { plain } from "./text";

const IMAGE = /^data:image\/(png|jpeg|gif|webp|avif|svg\+xml)[;,]/i;
// A content id and a path of plain names: nothing that leaves the gateway's folder or asks it a question.
const IPFS = /^ipfs:\/\/((?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*)(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)$/;
const JSON_PREFIX = "data:application/json;base64,";

/** An address for <img>; null where the picture is not to be loaded. */
export function pictureOf(uri: string, { ipfsGateway }: Config): string | null {
  if (IMAGE.test(uri)) return uri;
  const path = IPFS.exec(uri)?.[1];
  return path === undefined || ipfsGateway === null ? null : ipfsGateway + path;
}

export interface Metadata {
  name: string;
  image: string;
}

/** A token's metadata out of its `tokenURI`, which must hold it itself. */
export function metadataOf(uri: string): Metadata {
  if (!uri.startsWith(JSON_PREFIX)) throw new Fault("The token's metadata could not be read.");
  const bytes = Uint8Array.from(atob(uri.slice(JSON_PREFIX.length)), (letter) => letter.charCodeAt(0));
  const { name, image } = JSON.parse(new TextDecoder().decode(bytes)) as { name?: unknown; image?: unknown };
  if (typeof image !== "string") throw new Fault("The token has no picture.");
  return { name: plain(String(name ?? ""), 80), image };
}
