// One gift, from intent to proof: checked against the chain, shown, signed, sent, and read back from its logs.

import { type Address, getAddress, type Hex, hexToBigInt, isHex, numberToHex, zeroAddress } from "viem";
import { decodeLog, encode, type Fields, FUNDS, GIVING, type Log, read, RECEIPTS, REGISTRY, TOKEN } from "./abi";
import { formatAmount } from "./amounts";
import { type Asset, balanceOf, isCoin } from "./assets";
import type { Config } from "./config";
import { explain, Fault, inWords, isUnsupported, revertReason } from "./errors";
import { type Domain, permitDomain, type Signature, signPermit } from "./permit";
import { chainIdOf, head, type Provider, type Reader } from "./rpc";
import { walletChain } from "./wallets";

export interface Place {
  reader: Reader;
  provider: Provider;
  config: Config;
}

export type Recipient = { kind: "charity"; id: number } | { kind: "fund"; id: number; epoch: number };

export interface Intent {
  recipient: Recipient;
  asset: Asset;
  /** What the recipient gets, and what the operations payee gets on top, in the smallest unit. */
  amount: bigint;
  tip: bigint;
  memo: Hex;
  wantsReceipt: boolean;
  donor: Address;
}

export type Permission =
  | { kind: "none" }
  | { kind: "permit"; domain: Domain }
  /** `needsReset`: a token that changes an allowance only to or from zero (USDT). */
  | { kind: "approve"; needsReset: boolean };

export interface Plan {
  intent: Intent;
  /** The contract that is called. */
  contract: Address;
  /** Where the gift goes: the charity's address, or the funds contract where it waits for its charities. */
  payee: Address;
  operations: Address | null;
  total: bigint;
  permission: Permission;
  /** Network fee, in the coin's smallest unit; `isMeasured`: the node ran this very transaction. */
  fee: bigint;
  isMeasured: boolean;
}

export type StepId = "reset" | "approve" | "permit" | "give" | "wait";

export interface Outcome {
  plan: Plan;
  hash: Hex;
  block: number;
  /** As logged: `Donated` or `FundDonated`, with its fields by name. */
  event: string;
  fields: [string, string][];
  tip: "none" | "paid" | "kept";
  tokenId: bigint | null;
  /** Network fee paid for the gift itself, in the coin's smallest unit. */
  fee: bigint;
}

// What a gift whose permission is not there yet will take, whole transactions: measured on anvil (prague) with
// the receiver's first token and the donor's first permit, rounded up; later ones take less. tests/browser holds
// them against what is used.
const TOKEN_GAS = { charity: 71_000n, fund: 97_500n };
const PERMISSION_GAS = { none: 0n, permit: 28_500n, approve: 46_000n };
const TIP_GAS = 30_500n;
const RECEIPT_GAS = 120_500n;
// Room for what changes between the estimate and the block, and for the 63/64 rule of calls.
const GAS_MARGIN = 125n;
const PERMIT_SECONDS = 1800;
const RECEIPT_BITS = 96n;
const POLL = 1000;
const PATIENCE = 600_000;

const sleep = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

/** Checks everything that can be known before anything is signed; says what is wrong, or where the money will go. */
export async function prepare(place: Place, intent: Intent, avoidPermit = false): Promise<Plan> {
  const { reader, config } = place;
  const { asset, recipient, donor } = intent;
  if (intent.amount === 0n) throw new Fault("The amount is zero. Enter how much you would like to give.");
  if (intent.wantsReceipt && intent.amount >> RECEIPT_BITS !== 0n) throw new Fault(inWords("receipts: amount too large"));
  await sameChain(place);

  const contract = recipient.kind === "charity" ? config.contracts.giving : config.contracts.funds;
  const payee = await payeeOf(place, recipient);
  if (payee.toLowerCase() === donor.toLowerCase()) throw new Fault(inWords("giving: donor is the payee"));
  await checkListed(place, recipient, asset);
  const operations = intent.tip === 0n ? null : await read<Address>(reader, contract, GIVING, "operations");

  const total = intent.amount + intent.tip;
  const balance = await balanceOf(reader, asset, donor);
  if (balance < total) {
    const [has, needs] = [balance, total].map((each) => `${formatAmount(each, asset.decimals)} ${asset.symbol}`);
    throw new Fault(`Your wallet holds ${has}, and this gift needs ${needs}.`);
  }

  const permission = await permissionFor(place, intent, contract, total, avoidPermit);
  const plan: Plan = { intent, contract, payee, operations, total, permission, fee: 0n, isMeasured: false };
  const gas = permission.kind === "none" ? await simulate(place, plan, null) : expectedGas(plan);
  plan.isMeasured = permission.kind === "none";
  plan.fee = gas * BigInt((await reader.request("eth_gasPrice")) as string);
  const coins = isCoin(asset) ? balance : await balanceOf(reader, { ...asset, address: zeroAddress }, donor);
  if (coins < plan.fee + (isCoin(asset) ? total : 0n)) {
    const { symbol, decimals } = config.coin;
    throw new Fault(
      `Your wallet holds ${formatAmount(coins, decimals)} ${symbol}. ` +
        `${isCoin(asset) ? "The gift and the network fee together need more" : `The network fee is paid in ${symbol} and needs more`}.`,
    );
  }
  return plan;
}

/** What the donor's wallet is going to ask, in order. */
export function stepsOf(plan: Plan): StepId[] {
  const before: StepId[] =
    plan.permission.kind === "permit"
      ? ["permit"]
      : plan.permission.kind === "approve"
        ? plan.permission.needsReset
          ? ["reset", "approve"]
          : ["approve"]
        : [];
  return [...before, "give", "wait"];
}

/** Signs and sends. `onStep` hears which step has begun, `onSent` the gift's transaction hash. */
export async function give(place: Place, plan: Plan, onStep: (step: StepId) => void, onSent: (hash: Hex) => void): Promise<Outcome> {
  const { intent, permission } = plan;
  let signature: Signature | null = null;
  if (permission.kind === "permit") {
    onStep("permit");
    signature = await permitted(place, plan, permission.domain);
  } else if (permission.kind === "approve" && (await allowanceOf(place, intent, plan.contract)) < plan.total) {
    if (permission.needsReset) {
      onStep("reset");
      await approve(place, plan, 0n);
    }
    onStep("approve");
    await approve(place, plan, plan.total);
  }
  onStep("give");
  const gas = await simulate(place, plan, signature);
  const hash = await send(place, {
    from: intent.donor,
    to: plan.contract,
    data: callData(plan, signature),
    value: valueOf(plan),
    gas: (gas * GAS_MARGIN) / 100n,
  });
  onSent(hash);
  onStep("wait");
  return outcomeOf(place, plan, hash, await mined(place.reader, hash));
}

/** How many blocks stand on the one with the gift, itself included; 0 when that block has been replaced. */
export async function confirmations(reader: Reader, hash: Hex): Promise<number> {
  const receipt = (await reader.request("eth_getTransactionReceipt", [hash])) as TransactionReceipt | null;
  return receipt === null ? 0 : (await head(reader)).number - Number(receipt.blockNumber) + 1;
}

/** A receipt's picture, drawn by the contract, as an address for <img>. */
export async function artOf(reader: Reader, receipts: Address, tokenId: bigint): Promise<string> {
  const uri = await read<string>(reader, receipts, RECEIPTS, "tokenURI", [tokenId]);
  const prefix = "data:application/json;base64,";
  if (!uri.startsWith(prefix)) throw new Fault("The receipt's picture could not be read.");
  const bytes = Uint8Array.from(atob(uri.slice(prefix.length)), (letter) => letter.charCodeAt(0));
  const { image } = JSON.parse(new TextDecoder().decode(bytes)) as { image?: unknown };
  if (typeof image !== "string" || !image.startsWith("data:image/svg+xml")) throw new Fault("The receipt has no picture.");
  return image;
}

// --- before signing ---

/** The page's node and the wallet must both be on the page's chain, now. */
async function sameChain({ reader, provider, config }: Place): Promise<void> {
  if ((await walletChain(provider)) !== config.chainId) {
    throw new Fault(`Your wallet is on another network. Switch it to ${config.network} to give.`, "chain");
  }
  if ((await chainIdOf(reader)) !== config.chainId) {
    throw new Fault("The node that this page reads from is on another network. Whoever runs the page must mend its config.json.");
  }
}

async function payeeOf({ reader, config }: Place, recipient: Recipient): Promise<Address> {
  if (recipient.kind === "charity") {
    try {
      return getAddress(await read<Address>(reader, config.contracts.registry, REGISTRY, "payee_for_gift", [BigInt(recipient.id)]));
    } catch (error) {
      throw explain(error);
    }
  }
  const { funds } = config.contracts;
  const [running, stoppedUntil, { timestamp }] = await Promise.all([
    read<bigint>(reader, funds, FUNDS, "running_epoch", [BigInt(recipient.id)]),
    read<bigint>(reader, funds, FUNDS, "stopped_until"),
    head(reader),
  ]);
  if (running === 0n) throw new Fault(inWords("funds: fund has no epoch"));
  if (running !== BigInt(recipient.epoch)) throw new Fault(inWords("funds: epoch is not running"));
  if (BigInt(timestamp) < stoppedUntil) throw new Fault(inWords("funds: entries are stopped"));
  return funds;
}

async function checkListed({ reader, config }: Place, recipient: Recipient, asset: Asset): Promise<void> {
  if (isCoin(asset)) return;
  const [contract, abi, name] =
    recipient.kind === "charity" ? ([config.contracts.giving, GIVING, "giving"] as const) : ([config.contracts.funds, FUNDS, "funds"] as const);
  const info = await read<{ is_listed: boolean }>(reader, contract, abi, "asset_info", [asset.address]);
  if (!info.is_listed) throw new Fault(inWords(`${name}: asset is not listed`));
}

async function permissionFor(
  { reader, config }: Place,
  { asset, donor }: Intent,
  spender: Address,
  total: bigint,
  avoidPermit: boolean,
): Promise<Permission> {
  if (isCoin(asset)) return { kind: "none" };
  const allowance = await allowanceOf({ reader }, { asset, donor }, spender);
  if (allowance >= total) return { kind: "none" };
  const domain = avoidPermit ? null : await permitDomain(reader, asset.address, donor, config.chainId);
  if (domain !== null) return { kind: "permit", domain };
  if (allowance === 0n) return { kind: "approve", needsReset: false };
  const call = { from: donor, to: asset.address, data: encode(TOKEN, "approve", [spender, total]) };
  const isTaken = await reader.request("eth_call", [call, "latest"]).then(
    () => true,
    () => false,
  );
  return { kind: "approve", needsReset: !isTaken };
}

const allowanceOf = ({ reader }: Pick<Place, "reader">, { asset, donor }: Pick<Intent, "asset" | "donor">, spender: Address): Promise<bigint> =>
  read<bigint>(reader, asset.address, TOKEN, "allowance", [donor, spender]);

function expectedGas({ intent, permission }: Plan): bigint {
  const times = permission.kind === "approve" && permission.needsReset ? 2n : 1n;
  return (
    TOKEN_GAS[intent.recipient.kind] +
    PERMISSION_GAS[permission.kind] * times +
    (intent.tip === 0n ? 0n : TIP_GAS) +
    (intent.wantsReceipt ? RECEIPT_GAS : 0n)
  );
}

// --- the call ---

const valueOf = (plan: Plan): bigint => (isCoin(plan.intent.asset) ? plan.total : 0n);

function callData({ intent }: Plan, signature: Signature | null): Hex {
  const { recipient, asset, amount, tip, memo, wantsReceipt } = intent;
  const id = BigInt(recipient.id);
  const permit = signature === null ? [] : [signature.deadline, signature.v, signature.r, signature.s];
  const name = isCoin(asset) ? "donate_native" : signature === null ? "donate_token" : "donate_token_with_permit";
  if (recipient.kind === "fund") {
    const what = isCoin(asset) ? [] : [asset.address, amount];
    return encode(FUNDS, name, [id, BigInt(recipient.epoch), ...what, memo, wantsReceipt, ...permit]);
  }
  const what = isCoin(asset) ? [] : [asset.address, amount];
  return encode(GIVING, name, [id, ...what, memo, tip, wantsReceipt, ...permit]);
}

/** Runs the gift on the node without sending it. Returns its gas; throws the contract's own reason. */
async function simulate({ reader }: Place, plan: Plan, signature: Signature | null): Promise<bigint> {
  const call = {
    from: plan.intent.donor,
    to: plan.contract,
    data: callData(plan, signature),
    value: numberToHex(valueOf(plan)),
  };
  try {
    await reader.request("eth_call", [call, "latest"]);
    return BigInt((await reader.request("eth_estimateGas", [call])) as string);
  } catch (error) {
    if (signature !== null && /allowance|token refused/.test(revertReason(error) ?? "")) {
      throw new Fault("The token did not accept the signature. Give with an approval instead.", "permit");
    }
    throw explain(error);
  }
}

async function permitted({ reader, provider }: Place, plan: Plan, domain: Domain): Promise<Signature> {
  const { asset, donor } = plan.intent;
  const [nonce, { timestamp }] = await Promise.all([read<bigint>(reader, asset.address, TOKEN, "nonces", [donor]), head(reader)]);
  try {
    return await signPermit(provider, domain, {
      owner: donor,
      spender: plan.contract,
      value: plan.total,
      nonce,
      deadline: BigInt(timestamp + PERMIT_SECONDS),
    });
  } catch (error) {
    if (isUnsupported(error)) {
      throw new Fault("Your wallet cannot sign this kind of permission. Give with an approval instead.", "permit");
    }
    throw explain(error);
  }
}

async function approve(place: Place, plan: Plan, amount: bigint): Promise<void> {
  const { asset, donor } = plan.intent;
  const hash = await send(place, {
    from: donor,
    to: asset.address,
    data: encode(TOKEN, "approve", [plan.contract, amount]),
    value: 0n,
    gas: null,
  });
  const receipt = await mined(place.reader, hash);
  if (hexToBigInt(receipt.status) !== 1n) throw new Fault("The token refused the approval. Nothing was given.");
}

interface Sending {
  from: Address;
  to: Address;
  data: Hex;
  value: bigint;
  /** null: the wallet's own estimate. */
  gas: bigint | null;
}

async function send(place: Place, { from, to, data, value, gas }: Sending): Promise<Hex> {
  await sameChain(place);
  const transaction = {
    from,
    to,
    data,
    value: numberToHex(value),
    chainId: numberToHex(place.config.chainId),
    ...(gas === null ? {} : { gas: numberToHex(gas) }),
  };
  try {
    const hash = await place.provider.request({ method: "eth_sendTransaction", params: [transaction] });
    if (!isHex(hash) || hash.length !== 66) throw new Fault("Your wallet gave no transaction hash. Look there before you try again.");
    return hash;
  } catch (error) {
    throw explain(error);
  }
}

// --- after sending ---

interface TransactionReceipt {
  status: Hex;
  blockNumber: Hex;
  gasUsed: Hex;
  effectiveGasPrice: Hex;
  logs: Log[];
}

async function mined(reader: Reader, hash: Hex): Promise<TransactionReceipt> {
  for (let waited = 0; waited < PATIENCE; waited += POLL) {
    // A node that fails to answer once has not lost the transaction.
    const receipt = await reader.request("eth_getTransactionReceipt", [hash]).catch(() => null);
    if (receipt !== null && receipt !== undefined) return receipt as TransactionReceipt;
    await sleep(waited === 0 ? POLL / 4 : POLL);
  }
  throw new Fault(
    `The transaction ${hash} is not in a block yet. It may still get there, so do not give again before you have looked it up.`,
  );
}

function outcomeOf({ config }: Place, plan: Plan, hash: Hex, receipt: TransactionReceipt): Outcome {
  if (hexToBigInt(receipt.status) !== 1n) {
    throw new Fault(`The network refused the transaction ${hash}. Your gift stayed in your wallet; only the network fee was spent.`);
  }
  const isOf = (log: Log, contract: Address): boolean => log.address.toLowerCase() === contract.toLowerCase();
  const abi = plan.intent.recipient.kind === "charity" ? GIVING : FUNDS;
  const logs = receipt.logs.filter((log) => isOf(log, plan.contract)).map((log) => decodeLog(abi, log));
  const gift = logs.find((log) => log?.name === "Donated" || log?.name === "FundDonated");
  if (gift == null || !saysSo(plan, gift.fields)) {
    throw new Fault(`The transaction ${hash} went through, but its log is not that of this gift. Please have it looked at.`);
  }
  const minted = receipt.logs
    .filter((log) => isOf(log, config.contracts.receipts))
    .map((log) => decodeLog(RECEIPTS, log))
    .find((log) => log?.name === "ReceiptMinted");
  return {
    plan,
    hash,
    block: Number(receipt.blockNumber),
    event: gift.name,
    fields: Object.entries(gift.fields).map(([name, value]) => [name, String(value)]),
    tip: plan.intent.tip === 0n ? "none" : logs.some((log) => log?.name === "Tipped") ? "paid" : "kept",
    tokenId: minted == null ? null : (minted.fields["token_id"] as bigint),
    fee: hexToBigInt(receipt.gasUsed) * hexToBigInt(receipt.effectiveGasPrice),
  };
}

/** Whether a log says what was intended, word for word. */
function saysSo({ intent, payee }: Plan, fields: Fields): boolean {
  const { recipient, asset, amount, memo, donor } = intent;
  const isSame = (name: string, value: string | bigint): boolean =>
    String(fields[name]).toLowerCase() === String(value).toLowerCase();
  return (
    isSame("donor", donor) &&
    isSame("asset", asset.address) &&
    isSame("amount", amount) &&
    isSame("memo", memo) &&
    (recipient.kind === "charity"
      ? isSame("charity_id", BigInt(recipient.id)) && isSame("payee", payee)
      : isSame("fund_id", BigInt(recipient.id)) && isSame("epoch", BigInt(recipient.epoch)))
  );
}
