// Files of credentials: Docker's config.json and containers' auth.json. Same shape; containers adds keys with
// paths (`host/namespace`), of which the longest that covers a repository wins.
import { isObject, parseObject } from '../../../core/json-object.ts';
import { badConfig, readIfPresent } from '../config-files.ts';
import { configHome, type RegistryEnvironment } from '../environment.ts';
import type { Credential } from './credential.ts';

export interface AuthFile {
  readonly path: string;
  /** Everything in the file, for rewriting it without loss. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Key under which Docker keeps the Hub's credentials. */
export const HUB_KEY = 'https://index.docker.io/v1/';
/** Names of the Hub; it is one registry under all of them. */
export const HUB_NAMES: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

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
  const text = readIfPresent(path);
  if (text === null) return null;
  if (text.trim() === '') return { path, document: {} };
  const document = parseObject(text);
  // The parser's own message may quote the file, and with it secrets.
  if (document === null) throw badConfig(path, 'not a JSON object');
  return { path, document };
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
  return isObject(table) ? table : {};
};

/** Credential of one `auths` entry; null for an empty one, as `docker login` leaves behind beside a helper. */
export function credentialOfEntry(entry: unknown): Credential | null {
  if (!isObject(entry)) return null;
  const { auth, username, password, identitytoken, registrytoken } = entry;
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
