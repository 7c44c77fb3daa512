// Files of credentials: Docker's config.json and containers' auth.json. Same shape; containers adds keys with
// paths (`host/namespace`), of which the longest that covers a repository wins.
import { readFileSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { configHome, type RegistryEnvironment } from '../environment.ts';
import type { Credential } from './credential.ts';

export interface AuthFile {
  readonly path: string;
  /** Everything in the file, for rewriting it without loss. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Key under which Docker keeps the Hub's credentials. */
export const HUB_KEY = 'https://index.docker.io/v1/';
const HUB_NAMES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Files that exist, most specific first. Unreadable or malformed ones are 'registry/bad-config'. */
export const readAuthFiles = (environment: RegistryEnvironment): AuthFile[] =>
  authFilePaths(environment)
    .map(readAuthFile)
    .filter((file) => file !== null);

function authFilePaths(environment: RegistryEnvironment): string[] {
  const { env, run } = environment;
  const explicit = env['REGISTRY_AUTH_FILE'];
  return [
    ...(explicit ? [explicit] : []),
    dockerConfigPath(environment),
    `${run}/auth.json`,
    `${configHome(environment)}/containers/auth.json`,
  ];
}

export const dockerConfigPath = ({ env, home }: RegistryEnvironment): string => `${env['DOCKER_CONFIG'] || `${home}/.docker`}/config.json`;

export function readAuthFile(path: string): AuthFile | null {
  const bad = (reason: string, cause?: unknown): TsbuildError =>
    new TsbuildError({ code: 'registry/bad-config', message: `${path}: ${reason}`, cause });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return null;
    throw bad(`cannot be read (${errnoOf(error) ?? 'unknown error'})`, error);
  }
  if (text.trim() === '') return { path, document: {} };
  try {
    const document: unknown = JSON.parse(text);
    if (typeof document === 'object' && document !== null && !Array.isArray(document))
      return { path, document: document as Record<string, unknown> };
  } catch {
    // The parser's message may quote the file, and with it secrets.
    throw bad('not valid JSON');
  }
  throw bad('not a JSON object');
}

/** Keys of `table` that cover `repository` (`host` or `host/path`), longest first. */
export function coveringKeys(table: Readonly<Record<string, unknown>>, repository: string): string[] {
  return Object.keys(table)
    .map((key) => ({ key, name: nameOfKey(key) }))
    .filter(({ name }) => repository === name || repository.startsWith(`${name}/`))
    .sort((a, b) => b.name.length - a.name.length)
    .map(({ key }) => key);
}

/** `https://host/v1/` (Docker's old form) is the host; all other text stands for itself. All names of the Hub are one. */
function nameOfKey(key: string): string {
  const url = /^https?:\/\/([^/]+)/.exec(key);
  const name = url?.[1] ?? key.replace(/\/+$/, '');
  return HUB_NAMES.has(name) ? 'docker.io' : name;
}

export const memberTable = (file: AuthFile, name: string): Readonly<Record<string, unknown>> => {
  const table = file.document[name];
  return typeof table === 'object' && table !== null && !Array.isArray(table) ? (table as Record<string, unknown>) : {};
};

/** Credential of one `auths` entry; null for an empty one, as `docker login` leaves behind beside a helper. */
export function credentialOfEntry(entry: unknown): Credential | null {
  if (typeof entry !== 'object' || entry === null) return null;
  const { auth, username, password, identitytoken, registrytoken } = entry as Record<string, unknown>;
  if (typeof identitytoken === 'string' && identitytoken !== '') return { type: 'identity-token', token: identitytoken };
  if (typeof registrytoken === 'string' && registrytoken !== '') return { type: 'registry-token', token: registrytoken };
  if (typeof auth === 'string' && auth !== '') {
    const plain = Buffer.from(auth, 'base64').toString('utf8');
    const colon = plain.indexOf(':');
    // Docker pads the password with NUL bytes in old files.
    if (colon > 0) return { type: 'basic', username: plain.slice(0, colon), password: plain.slice(colon + 1).replace(/\0+$/, '') };
  }
  return typeof username === 'string' && typeof password === 'string' && username !== '' ? { type: 'basic', username, password } : null;
}
