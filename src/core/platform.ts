// Platforms: `os[(osversion)]/arch[/variant]`, normalised and matched as containerd and BuildKit do (L-02).
// Pure text: what machine this is comes in as an argument.
import { TsbuildError } from './errors.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
}

export type PlatformResult = { readonly ok: true; readonly platform: Platform } | { readonly ok: false; readonly reason: string };

const OS_WORD = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/;
const WORD = /^[A-Za-z0-9_.-]+$/;

const KNOWN_OS = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(' '),
);
const KNOWN_ARCH = new Set(
  '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'.split(
    ' ',
  ),
);

/** Aliases of an architecture, with the variant each implies. */
const ARCH_ALIAS: Readonly<Record<string, readonly [string, string?]>> = {
  i386: ['386', ''],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};

/** Variants written another way; '' is the default that is left out. */
const VARIANT_ALIAS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  amd64: { v1: '' },
  arm64: { '8': '', v8: '', 'v8.0': '', '9': 'v9', '9.0': 'v9', 'v9.0': 'v9' },
  arm: { '': 'v7', '5': 'v5', '6': 'v6', '7': 'v7', '8': 'v8' },
};

/** One spelling for each platform: `Linux/x86_64` → linux/amd64, arm → arm/v7, arm64/v8 → arm64. Other members are kept. */
export function normalizePlatform(platform: Platform): Platform {
  const { os: rawOs, architecture: rawArch, variant: rawVariant, ...rest } = platform;
  const os = rawOs.toLowerCase() === 'macos' ? 'darwin' : rawOs.toLowerCase();
  const [architecture, implied] = lookup(ARCH_ALIAS, rawArch.toLowerCase()) ?? [rawArch.toLowerCase()];
  const written = implied ?? (rawVariant ?? '').toLowerCase();
  const variant = lookup(lookup(VARIANT_ALIAS, architecture) ?? {}, written) ?? written;
  return { os, architecture, ...(variant !== '' && { variant }), ...rest };
}

/** Own members only: `constructor` is a possible architecture name. */
const lookup = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined => (Object.hasOwn(table, key) ? table[key] : undefined);

/** Normalised platform of `text`; a lone os or architecture is completed from `host`. */
export function tryParsePlatform(text: string, host: Platform = hostPlatform('x64')): PlatformResult {
  const fail = (reason: string): PlatformResult => ({ ok: false, reason: `${JSON.stringify(text.slice(0, 100))}: ${reason}` });
  if (text.includes('*')) return fail('wildcards are not supported');
  const parts = text.split('/');
  if (parts.length > 3) return fail('a platform has at most os/arch/variant');
  const [first = '', second, third] = parts;
  const osMatch = OS_WORD.exec(first);
  if (!osMatch) return fail('an os is letters, digits, "_" and "-", with an optional version in parentheses');
  if (!parts.slice(1).every((part) => WORD.test(part))) return fail('components are letters, digits, "_", "." and "-"');
  const version = osMatch[2] ? { 'os.version': osMatch[2] } : {};

  if (second !== undefined) {
    const platform = { os: osMatch[1] ?? '', architecture: second, ...(third !== undefined && { variant: third }), ...version };
    return { ok: true, platform: normalizePlatform(platform) };
  }
  const os = normalizePlatform({ os: osMatch[1] ?? '', architecture: '' }).os;
  if (KNOWN_OS.has(os)) {
    const { architecture, variant } = host;
    return { ok: true, platform: { os, architecture, ...(variant !== undefined && { variant }), ...version } };
  }
  const platform = normalizePlatform({ os: host.os, architecture: first });
  return KNOWN_ARCH.has(platform.architecture) ? { ok: true, platform } : fail('unknown operating system or architecture');
}

/** As `tryParsePlatform`; throws 'registry/bad-platform'. */
export function parsePlatform(text: string, host?: Platform): Platform {
  const result = tryParsePlatform(text, host);
  if (result.ok) return result.platform;
  throw new TsbuildError({
    code: 'registry/bad-platform',
    message: `cannot parse platform ${result.reason}`,
    hint: 'Write os/arch or os/arch/variant, for example linux/amd64 or linux/arm/v7.',
  });
}

/** `linux/arm/v7`, `windows(10.0.17763)/amd64`; the inverse of `parsePlatform`. */
export function formatPlatform(platform: Platform): string {
  const version = platform['os.version'];
  const os = version ? `${platform.os}(${version})` : platform.os;
  return `${os}/${platform.architecture}${platform.variant ? `/${platform.variant}` : ''}`;
}

const NODE_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', mipsel: 'mipsle', mips64el: 'mips64le' };

/** The platform of a Linux machine whose Node reports `arch` (`process.arch`). */
export const hostPlatform = (arch: string): Platform => normalizePlatform({ os: 'linux', architecture: lookup(NODE_ARCH, arch) ?? arch });

/** What a machine of platform `wanted` can run, best first (containerd's platform vector). */
function compatiblePlatforms(wanted: Platform): Platform[] {
  const { variant: _variant, ...base } = wanted;
  const step = (variant: string): Platform => ({ ...base, ...(variant !== '' && { variant }) });
  const level = /^v(\d)(?:\.(\d))?$/.exec(wanted.variant ?? '');
  const major = Number(level?.[1] ?? 0);
  switch (wanted.architecture) {
    case 'amd64': {
      const lower = Array.from({ length: Math.max(0, major - 1) }, (_, i) => step(major - 1 - i === 1 ? '' : `v${major - 1 - i}`));
      return [wanted, ...lower, { ...base, architecture: '386' }];
    }
    case 'arm':
      return [wanted, ...Array.from({ length: Math.max(0, major - 5) }, (_, i) => step(`v${major - 1 - i}`))];
    case 'arm64':
      return [wanted, ...(wanted.variant ? [step('')] : []), ...compatiblePlatforms({ ...base, architecture: 'arm', variant: 'v8' })];
    default:
      return [wanted];
  }
}

/**
 * The best of `candidates` for `wanted`, or null. Candidates that name no platform come last, as in
 * containerd. On equal rank the first wins. An os.version is compared only when both sides name one.
 */
export function matchPlatform<T extends { readonly platform?: Platform }>(wanted: Platform, candidates: readonly T[]): T | null {
  const vector = compatiblePlatforms(normalizePlatform(wanted));
  let best: T | null = null;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const platform = candidate.platform && normalizePlatform(candidate.platform);
    const rank = platform ? vector.findIndex((accepted) => samePlatform(accepted, platform)) : vector.length;
    if (rank !== -1 && rank < bestRank) {
      best = candidate;
      bestRank = rank;
    }
  }
  return best;
}

/** Both normalised. A Windows build must agree up to its third number: 10.0.17763.* runs only there. */
function samePlatform(a: Platform, b: Platform): boolean {
  if (a.os !== b.os || a.architecture !== b.architecture || (a.variant ?? '') !== (b.variant ?? '')) return false;
  const [left, right] = [a['os.version'], b['os.version']];
  const build = (version: string): string => version.split('.', 3).join('.');
  return !left || !right || build(left) === build(right);
}
