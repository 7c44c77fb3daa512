// Flags of both `tsbuild build` and `tsbuild bake`: what they mean for one image they mean for each of many.
import { ISOLATION_FLAG, PROGRESS_FLAG } from './common.ts';
import type { FlagSpec } from './flag.ts';

export const BUILDING_FLAGS: readonly FlagSpec[] = [
  {
    name: 'allow',
    kind: 'list',
    placeholder: 'ENTITLEMENT',
    help: 'Grant network.host or security.insecure to steps that ask for it; for bake also fs.read=PATH, fs.write=PATH, fs=PATH and ssh',
  },
  { name: 'load', kind: 'switch', help: 'Also hand the image to a Docker or Podman found on this machine' },
  { name: 'metadata-file', kind: 'value', placeholder: 'FILE', help: 'Write results to FILE as JSON' },
  { name: 'no-cache', kind: 'switch', help: 'Run every step' },
  { name: 'pull', kind: 'switch', help: 'Ask the registry for newer base images even if they are in the store' },
  { name: 'provenance', kind: 'value', placeholder: 'false', help: 'Provenance attestation: none is made, so only false' },
  { name: 'push', kind: 'switch', help: 'Push the image to its registry: --output type=registry' },
  { name: 'quiet', short: 'q', kind: 'switch', help: 'Show no progress' },
  { name: 'sbom', kind: 'value', placeholder: 'false', help: 'SBOM attestation: none is made, so only false' },
  PROGRESS_FLAG,
  ISOLATION_FLAG,
  {
    name: 'builder',
    kind: 'value',
    help: 'Builder instance',
    refused: 'there are no builder instances; tsbuild builds in its own process',
  },
];
