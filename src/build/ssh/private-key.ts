// Private keys as ssh-keygen and openssl write them, for an agent: what the key is called in the protocol,
// and its signatures (RFC 4253, 5656, 8332, 8709). The file format is OpenSSH's PROTOCOL.key.
import { createPrivateKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { SshReader, sshInteger, sshString } from './wire.ts';

export interface PrivateKey {
  /** The public key as the protocol writes it. */
  readonly blob: Buffer;
  readonly comment: string;
  /** `flags` as in a request to an agent: 2 asks RSA for SHA-256, 4 for SHA-512. */
  sign(data: Uint8Array, flags: number): Buffer;
}

/** Why a file gives no key. */
export class KeyProblem extends Error {
  override readonly name = 'KeyProblem';
}

const CURVES: Readonly<Record<string, { readonly name: string; readonly hash: string; readonly size: number }>> = {
  'P-256': { name: 'nistp256', hash: 'sha256', size: 32 },
  'P-384': { name: 'nistp384', hash: 'sha384', size: 48 },
  'P-521': { name: 'nistp521', hash: 'sha512', size: 66 },
};
const OPENSSH = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;
const MAGIC = 'openssh-key-v1\0';
/** PKCS #8, and OpenSSL's older form. */
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type:.*ENCRYPTED/m;
const LOCKED = 'it is protected by a passphrase';

/** Throws KeyProblem. */
export function parsePrivateKey(text: string, comment: string): PrivateKey {
  const openssh = OPENSSH.exec(text)?.[1];
  if (ENCRYPTED.test(text)) throw new KeyProblem(LOCKED);
  if (openssh === undefined && !/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(text)) throw new KeyProblem('it holds no private key');
  try {
    const key = openssh === undefined ? createPrivateKey(text) : createPrivateKey({ key: readOpenssh(openssh), format: 'jwk' });
    return privateKey(key, comment);
  } catch (error) {
    if (error instanceof KeyProblem) throw error;
    throw new KeyProblem('its private key is damaged or of an unknown kind');
  }
}

function readOpenssh(base64: string): JsonWebKey {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) throw new KeyProblem('its private key is damaged');
  const file = new SshReader(bytes.subarray(MAGIC.length));
  if (file.text() !== 'none') throw new KeyProblem(LOCKED);
  file.string();
  file.string();
  if (file.uint32() !== 1) throw new KeyProblem('it holds several keys');
  file.string();
  const secret = new SshReader(file.string());
  secret.uint32();
  secret.uint32();
  return readFields(secret.text(), secret);
}

const text64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const plain = (integer: Buffer): Buffer => (integer[0] === 0 ? integer.subarray(1) : integer);

function readFields(type: string, fields: SshReader): JsonWebKey {
  if (type === 'ssh-ed25519') {
    const [x, seed] = [fields.string(), fields.string().subarray(0, 32)];
    return { kty: 'OKP', crv: 'Ed25519', x: text64(x), d: text64(seed) };
  }
  if (type === 'ssh-rsa') {
    const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => plain(fields.string())) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
    const parts = { n, e, d, p, q, qi, dp: remainder(d, p), dq: remainder(d, q) };
    return { kty: 'RSA', ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, text64(value)])) };
  }
  const [crv, curve] = Object.entries(CURVES).find(([, { name }]) => type === `ecdsa-sha2-${name}`) ?? [];
  if (curve === undefined) throw new KeyProblem(`keys of type ${JSON.stringify(type)} are not known`);
  fields.string();
  const point = fields.string();
  const d = plain(fields.string());
  const padded = Buffer.concat([Buffer.alloc(Math.max(0, curve.size - d.length)), d]);
  return {
    kty: 'EC',
    crv,
    x: text64(point.subarray(1, 1 + curve.size)),
    y: text64(point.subarray(1 + curve.size)),
    d: text64(padded),
  } as JsonWebKey;
}

/** `d` modulo one less than a prime: an exponent that RSA keys of OpenSSH leave out. */
function remainder(d: Buffer, prime: Buffer): Buffer {
  const number = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
  const hex = (number(d) % (number(prime) - 1n)).toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
}

function privateKey(key: KeyObject, comment: string): PrivateKey {
  const jwk = key.export({ format: 'jwk' });
  const part = (name: 'n' | 'e' | 'x' | 'y'): Buffer => Buffer.from(jwk[name] ?? '', 'base64url');
  if (jwk.kty === 'RSA') {
    const blob = Buffer.concat([sshString('ssh-rsa'), sshInteger(part('e')), sshInteger(part('n'))]);
    const kinds: Readonly<Record<number, readonly [string, string]>> = { 2: ['rsa-sha2-256', 'sha256'], 4: ['rsa-sha2-512', 'sha512'] };
    return {
      blob,
      comment,
      sign(data, flags) {
        const [name, hash] = kinds[flags & 6] ?? kinds[4] ?? ['', ''];
        return Buffer.concat([sshString(name), sshString(sign(hash, data, key))]);
      },
    };
  }
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') {
    const name = sshString('ssh-ed25519');
    return {
      blob: Buffer.concat([name, sshString(part('x'))]),
      comment,
      sign: (data) => Buffer.concat([name, sshString(sign(null, data, key))]),
    };
  }
  const curve = CURVES[jwk.crv ?? ''];
  if (jwk.kty !== 'EC' || curve === undefined) throw new KeyProblem('its private key is of a kind that ssh does not use');
  const name = sshString(`ecdsa-sha2-${curve.name}`);
  const point = Buffer.concat([Buffer.of(4), part('x'), part('y')]);
  return {
    blob: Buffer.concat([name, sshString(curve.name), sshString(point)]),
    comment,
    sign(data) {
      const pair = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' });
      const [r, s] = [pair.subarray(0, curve.size), pair.subarray(curve.size)];
      return Buffer.concat([name, sshString(Buffer.concat([sshInteger(r), sshInteger(s)]))]);
    },
  };
}
