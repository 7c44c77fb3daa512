// JSON, CSV, base64, hashes and identifiers.
import { constants, createHash, createPrivateKey, privateDecrypt, randomUUID } from 'node:crypto';
import { csvRecords } from '../attributes/csv-records.ts';
import { toDouble } from '../cty/big-float.ts';
import { encodeJson, parseJsonValue } from '../cty/json.ts';
import { STRING } from '../cty/types.ts';
import { isNumber, listValue, objectValue, stringValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { at, define, nullable, number, text, textAt, variadic } from './arguments.ts';
import { bcryptHash } from './bcrypt.ts';

const hash = (algorithm: string): PlainFunction =>
  define([text('str')], (args) => stringValue(createHash(algorithm).update(textAt(args, 0)).digest('hex')));

function decodeBase64(source: string): string {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(source.replace(/[\r\n]/g, '')))
    throw new CallProblem('the text is not base64', 0);
  const bytes = Buffer.from(source, 'base64');
  const decoded = bytes.toString('utf8');
  if (!Buffer.from(decoded).equals(bytes)) throw new CallProblem('the decoded bytes are not text in UTF-8', 0);
  return decoded;
}

/** One object per row, with the header's names. */
function decodeCsv(source: string): Value {
  const [header, ...rows] = csvRecords(source);
  if (header === undefined) throw new CallProblem('there is no header row', 0);
  if (new Set(header).size < header.length) throw new CallProblem('a column name is repeated', 0);
  const objects = rows.map((row, index) => {
    if (row.length !== header.length)
      throw new CallProblem(`row ${index + 1} has ${row.length} fields, and the header has ${header.length}`, 0);
    return objectValue(new Map(header.map((name, column) => [name, stringValue(row[column] ?? '')])));
  });
  return listValue(objects, { kind: 'object', attributes: new Map([...header].sort().map((name) => [name, STRING])) });
}

const NAMESPACES: Readonly<Record<string, string>> = {
  dns: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  url: '6ba7b811-9dad-11d1-80b4-00c04fd430c8',
  oid: '6ba7b812-9dad-11d1-80b4-00c04fd430c8',
  x500: '6ba7b814-9dad-11d1-80b4-00c04fd430c8',
};

/** RFC 9562, version 5: SHA-1 of namespace and name. */
function uuidV5(namespace: string, name: string): string {
  const id = NAMESPACES[namespace] ?? namespace;
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) throw new CallProblem('the namespace is dns, url, oid, x500 or a UUID', 0);
  const digest = createHash('sha1')
    .update(Buffer.from(id.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The padding (PKCS #1 v1.5, RFC 8017 section 7.2.2) is taken off here: OpenSSL answers a wrong one with random
 * bytes, so that nobody can ask about it; a build has to fail instead.
 */
function decryptRsa(ciphertext: string, key: string): string {
  const failure = new CallProblem('the text cannot be decrypted with this key');
  let padded: Buffer;
  try {
    const { modulusLength = 0 } = createPrivateKey(key).asymmetricKeyDetails ?? {};
    const bytes = Buffer.from(ciphertext, 'base64');
    const block = Buffer.concat([Buffer.alloc(Math.max(0, Math.ceil(modulusLength / 8) - bytes.length)), bytes]);
    padded = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  } catch {
    throw failure;
  }
  const end = padded.indexOf(0, 2);
  if (padded[0] !== 0 || padded[1] !== 2 || end < 2 + LEAST_PADDING) throw failure;
  return padded.toString('utf8', end + 1);
}

const LEAST_PADDING = 8;

function bcrypt(args: readonly Value[]): Value {
  const cost = at(args, 1);
  if (args.length > 2) throw new CallProblem('it takes no more than two arguments');
  const rounds = args.length < 2 ? 10 : isNumber(cost) ? toDouble(cost.payload) : Number.NaN;
  if (!Number.isInteger(rounds) || rounds > 16) throw new CallProblem('the cost must be a whole number up to 16', 1);
  return stringValue(bcryptHash(textAt(args, 0), Math.max(rounds, 4)));
}

export const ENCODING_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  jsonencode: define([nullable('val')], (args) => stringValue(encodeJson(at(args, 0)))),
  jsondecode: define([text('str')], (args) => {
    const value = parseJsonValue(textAt(args, 0));
    if (value === null) throw new CallProblem('the text is not JSON', 0);
    return value;
  }),
  csvdecode: define([text('str')], (args) => decodeCsv(textAt(args, 0))),
  base64encode: define([text('str')], (args) => stringValue(Buffer.from(textAt(args, 0)).toString('base64'))),
  base64decode: define([text('str')], (args) => stringValue(decodeBase64(textAt(args, 0)))),
  md5: hash('md5'),
  sha1: hash('sha1'),
  sha256: hash('sha256'),
  sha512: hash('sha512'),
  uuidv4: define([], () => stringValue(randomUUID())),
  uuidv5: define([text('namespace'), text('name')], (args) => stringValue(uuidV5(textAt(args, 0), textAt(args, 1)))),
  rsadecrypt: define([text('ciphertext'), text('privatekey')], (args) => stringValue(decryptRsa(textAt(args, 0), textAt(args, 1)))),
  bcrypt: variadic([text('str')], number('cost'), bcrypt),
};
