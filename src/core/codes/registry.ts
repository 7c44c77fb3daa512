import type { CodeInfo } from '../codes.ts';

export const REGISTRY_ERRORS = {
  'registry/bad-reference': {
    title: 'Malformed image reference',
    explanation:
      'An image is named [HOST[:PORT]/]NAME[:TAG][@DIGEST]. Names are lower case letters and digits separated by ".", "_", "__" or dashes. Short names such as `busybox` mean docker.io/library/busybox.',
  },
  'registry/bad-platform': {
    title: 'Malformed platform',
    explanation: 'A platform is os/arch or os/arch/variant, for example linux/amd64, linux/arm64 or linux/arm/v7.',
  },
  'registry/unreachable': {
    title: 'Registry unreachable',
    explanation:
      'No connection to the registry could be made, or it broke off too often. Check the host name, the network, proxy settings and mirrors in registries.conf.',
  },
  'registry/tls': {
    title: 'TLS with the registry failed',
    explanation:
      'The certificate of the registry is not trusted, is expired, or the registry speaks plain http. Put a private CA into certs.d/HOST:PORT/ca.crt, or mark the registry insecure in registries.conf.',
  },
  'registry/unauthorized': {
    title: 'Registry wants a login',
    explanation:
      'The registry refused the request without credentials, or refused the credentials. Log in with `tsbuild login HOST`; credentials come from the Docker configuration, containers auth.json and credential helpers.',
  },
  'registry/denied': {
    title: 'Registry denied access',
    explanation:
      'The credentials are valid but do not allow this action on the repository, or the repository does not exist for this account.',
  },
  'registry/blocked': {
    title: 'Registry blocked by configuration',
    explanation: 'registries.conf marks this registry as blocked, so nothing is asked of it.',
  },
  'registry/not-found': {
    title: 'Not found in the registry',
    explanation: 'The registry has no such repository, tag or blob. Check the spelling and the tag.',
  },
  'registry/no-platform': {
    title: 'Image not available for the platform',
    explanation: 'The image exists, but its index lists no manifest that the wanted platform can run.',
  },
  'registry/bad-manifest': {
    title: 'Malformed manifest',
    explanation:
      'What the registry sent as manifest, index or config does not follow the image specification, or its declared type contradicts its content. It is refused before anything is made of it.',
  },
  'registry/digest-mismatch': {
    title: 'Content differs from its digest',
    explanation:
      'The bytes received do not have the digest or size that was asked for. They are discarded; a broken mirror or proxy is the usual cause.',
  },
  'registry/too-large': {
    title: 'Answer of the registry is too large',
    explanation: 'The registry sent more bytes than announced or allowed for this kind of document.',
  },
  'registry/too-many-requests': {
    title: 'Rate limit of the registry reached',
    explanation:
      'The registry kept answering "too many requests" after several waits. Log in for a higher limit, use a mirror, or try later.',
  },
  'registry/server-error': {
    title: 'Registry failed',
    explanation:
      'The registry answered with a server error on every attempt. The fault is on its side or on that of a proxy before it; try again later.',
  },
  'registry/refused': {
    title: 'Registry refused the request',
    explanation: 'The registry answered with an error that repeating will not change; its own code and message are part of the error.',
  },
  'registry/protocol': {
    title: 'Unexpected answer from the registry',
    explanation:
      'The answer does not follow the distribution specification: a missing header, a malformed challenge or an unsafe redirect.',
  },
  'registry/bad-config': {
    title: 'Malformed registry configuration',
    explanation: 'A registries.conf, auth file, certificate or proxy setting cannot be read or understood; the message names the file.',
  },
  'registry/credential-helper': {
    title: 'Credential helper failed',
    explanation: 'A docker-credential helper named in the Docker configuration is missing or ended with an error.',
  },
} as const satisfies Record<`registry/${string}`, CodeInfo>;
