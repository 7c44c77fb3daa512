// One conversation per registry host and process, made when first needed: decides scheme, trust and
// credentials from the configuration.
import type { CredentialSource } from './credentials/credential.ts';
import type { RegistryEnvironment } from './environment.ts';
import { isLoopbackHost } from './http/host-address.ts';
import type { RetryPolicy, Timer } from './http/retry.ts';
import { hasCertificates, loadTlsTrust } from './http/tls-trust.ts';
import { createTransport, type Transport } from './http/transport.ts';
import type { PullSource } from './pull-sources.ts';
import { createRegistryHost, type RegistryHost, type Scheme } from './registry-host.ts';

export interface HostPool {
  get(source: Omit<PullSource, 'path'>): RegistryHost;
  close(): void;
}

export interface HostPoolOptions {
  readonly environment: RegistryEnvironment;
  readonly credentials: CredentialSource;
  readonly retry: RetryPolicy;
  readonly timer: Timer;
}

/** Docker Hub answers under another name than its images carry. */
const API_HOST: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io', 'index.docker.io': 'registry-1.docker.io' };
/** A mirror that fails has a successor; waiting for it is wasted. */
const MIRROR_ATTEMPTS = 2;

export function createHostPool({ environment, credentials, retry, timer }: HostPoolOptions): HostPool {
  const hosts = new Map<string, RegistryHost>();
  const transports: Transport[] = [];

  return {
    get({ domain, insecure, isMirror }) {
      const key = `${domain} ${insecure} ${isMirror}`;
      const known = hosts.get(key);
      if (known) return known;
      const host = API_HOST[domain] ?? domain;
      // Connections of its own: what one registry is trusted with must not reach another through a shared third host.
      const transport = createTransport(environment.env);
      transports.push(transport);
      const made = createRegistryHost({
        host,
        name: domain,
        schemes: schemesOf(environment, host, insecure),
        trust: () => loadTlsTrust(environment, host, insecure),
        transport,
        credentials,
        timer,
        retry: isMirror ? { ...retry, attempts: Math.min(retry.attempts, MIRROR_ATTEMPTS) } : retry,
      });
      hosts.set(key, made);
      return made;
    },
    close() {
      for (const transport of transports) transport.close();
    },
  };
}

/** Plain http only where the user marked the registry insecure, and on loopback unless certificates are set up for it. */
function schemesOf(environment: RegistryEnvironment, host: string, insecure: boolean): readonly [Scheme, ...Scheme[]] {
  const certificates = hasCertificates(environment, host);
  if (isLoopbackHost(host)) return certificates ? ['https'] : ['http', 'https'];
  return insecure ? ['https', 'http'] : ['https'];
}
