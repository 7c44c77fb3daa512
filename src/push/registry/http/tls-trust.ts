// What TLS trusts for one registry, as Docker and Podman have it: the system's roots (or SSL_CERT_FILE
// and SSL_CERT_DIR), plus certs.d/HOST:PORT with CAs (*.crt) and client certificates (*.cert + *.key).
import { TsbuildError } from '../../../core/errors.ts';
import { badConfig, namesIn, readIfPresent } from '../config-files.ts';
import { configHome, type RegistryEnvironment } from '../environment.ts';

export interface TlsTrust {
  /** PEM texts; undefined means Node's own roots. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  /** false only for registries marked insecure. */
  readonly rejectUnauthorized: boolean;
}

/** Where distributions keep all roots in one file, in Go's order. */
const SYSTEM_BUNDLES = [
  'ssl/certs/ca-certificates.crt',
  'pki/tls/certs/ca-bundle.crt',
  'ssl/ca-bundle.pem',
  'pki/tls/cacert.pem',
  'pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  'ssl/cert.pem',
];

/** Directories that may hold settings for `host`, the user's first. */
const certsDirectories = (environment: RegistryEnvironment, host: string): string[] =>
  [
    `${configHome(environment)}/containers`,
    `${configHome(environment)}/docker`,
    `${environment.etc}/containers`,
    `${environment.etc}/docker`,
  ].map((base) => `${base}/certs.d/${host}`);

/** true when the user has set up TLS for `host`; then it is spoken to with https even on loopback. */
export const hasCertificates = (environment: RegistryEnvironment, host: string): boolean =>
  certsDirectories(environment, host).some((directory) => namesIn(directory).length > 0);

/** Reads everything for `host` (`name[:port]`). An unreadable file that exists is 'registry/bad-config'. */
export function loadTlsTrust(environment: RegistryEnvironment, host: string, insecure: boolean): TlsTrust {
  const roots = systemRoots(environment);
  const extra: string[] = [];
  let client: { readonly cert: string; readonly key: string } | undefined;
  for (const directory of certsDirectories(environment, host)) {
    const names = namesIn(directory);
    for (const name of names) {
      if (name.endsWith('.crt')) extra.push(readPem(`${directory}/${name}`));
      if (name.endsWith('.cert')) client ??= readPair(directory, name, names);
    }
  }
  const ca = roots === null && extra.length === 0 ? undefined : [...(roots ?? nodeRoots()), ...extra];
  return { rejectUnauthorized: !insecure, ...(ca && { ca }), ...client };
}

function readPair(directory: string, cert: string, names: readonly string[]): { cert: string; key: string } {
  const key = `${cert.slice(0, -'.cert'.length)}.key`;
  if (!names.includes(key)) {
    throw new TsbuildError({
      code: 'registry/bad-config',
      message: `${directory}/${cert} has no private key`,
      hint: `Put the key beside it as ${key}. CA certificates must end in .crt.`,
    });
  }
  return { cert: readPem(`${directory}/${cert}`), key: readPem(`${directory}/${key}`) };
}

/** What TLS trusts at a host that is no registry: nothing but the roots. */
export function systemTrust(environment: RegistryEnvironment): TlsTrust {
  const ca = systemRoots(environment);
  return { rejectUnauthorized: true, ...(ca && { ca }) };
}

/** Roots of the system, or null when it has none and Node's own are used. */
function systemRoots({ env, etc }: RegistryEnvironment): string[] | null {
  const file = env['SSL_CERT_FILE'];
  const directories = env['SSL_CERT_DIR'];
  if (file || directories) {
    const fromDirectories = (directories ?? '').split(':').filter((directory) => directory !== '');
    return [...(file ? [readPem(file)] : []), ...fromDirectories.flatMap(certificatesIn)];
  }
  for (const bundle of SYSTEM_BUNDLES) {
    const text = readText(`${etc}/${bundle}`);
    if (text) return [text];
  }
  return null;
}

/** Hashed directories hold each certificate twice (a link beside the file): keep one of each. */
const certificatesIn = (directory: string): string[] => [
  ...new Set(
    namesIn(directory)
      .map((name) => readText(`${directory}/${name}`))
      .filter((text) => text?.includes('-----BEGIN CERTIFICATE-----') === true)
      .map((text) => text ?? ''),
  ),
];

/** Giving `ca` replaces Node's roots, so they are repeated where only certs.d adds to them. */
function nodeRoots(): readonly string[] {
  return process.getBuiltinModule('node:tls').rootCertificates;
}

function readPem(path: string): string {
  const text = readText(path);
  if (text === null) throw badConfig(path, 'no such certificate file');
  return text;
}

/** A bundle path or a name in a certificate directory may be a directory or a dangling link. */
const readText = (path: string): string | null => readIfPresent(path, 'ignored');
