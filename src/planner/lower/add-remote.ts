// Remote sources of ADD: http downloads and git checkouts (section 6.4).
import type { Span } from '../../core/span.ts';
import type { VertexMeta } from '../../graph/op.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { CopyInstruction } from '../../parser/ast.ts';
import { type GitSource, gitOp, isCommit, parseGitUrl } from '../git-url.ts';
import { hideCredentials, type LowerContext } from './context.ts';

export interface RemoteInput {
  /** Expanded. */
  readonly text: string;
  readonly span: Span;
  readonly instruction: CopyInstruction;
  /** Expanded --checksum. */
  readonly checksum: string | undefined;
}

const HTTP = /^https?:\/\//;
const CHECKSUM = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/** Vertex of a remote source; null for a path; 'failed' after an error that was reported. */
export function lowerRemote(input: RemoteInput, context: LowerContext): VertexId | null | 'failed' {
  const { text, span, instruction } = input;
  const git = parseGitUrl(text);
  const http = git === null && HTTP.test(text);
  const fail = (message: string, hint?: string): 'failed' => {
    context.reporter.error('plan/invalid-source', span, message, hint === undefined ? {} : { hint });
    return 'failed';
  };
  if (instruction.kind === 'copy') {
    if (git !== null) return fail("source can't be a git ref for COPY", 'ADD can check out repositories');
    return http ? fail("source can't be a URL for COPY", 'ADD can download files') : null;
  }
  if (http) return addHttp(input, context);
  if (git !== null) return git.ok ? addGit(input, git.source, context) : fail(git.reason);
  if (input.checksum === undefined) return null;
  return refuseChecksum(input, "checksum can't be specified for non-HTTP(S) & non-Git sources", context);
}

function refuseChecksum({ instruction, span }: RemoteInput, message: string, context: LowerContext): 'failed' {
  context.reporter.error('plan/invalid-checksum', instruction.checksum?.valueSpan ?? span, message);
  return 'failed';
}

/** Meta of a download: it is no step of its own, so it has no number. */
const remoteMeta = ({ text, instruction }: RemoteInput, context: LowerContext): VertexMeta => ({
  label: `[${context.stage.displayName}] fetch ${hideCredentials(text)}`,
  stage: context.stage.displayName,
  origin: context.onbuild ? context.stage.from.span : instruction.span,
  noCache: false,
  proxyEnv: context.proxyEnv,
  platform: context.platform,
});

function addHttp(input: RemoteInput, context: LowerContext): VertexId | 'failed' {
  const { text, checksum } = input;
  if (checksum !== undefined && !CHECKSUM.test(checksum)) {
    return refuseChecksum(input, `invalid checksum ${JSON.stringify(checksum)}: it should be sha256: and 64 hex digits`, context);
  }
  return context.graph.add({ type: 'http', url: text, ...(checksum !== undefined && { checksum }) }, [], remoteMeta(input, context));
}

function addGit(input: RemoteInput, source: GitSource, context: LowerContext): VertexId | 'failed' {
  const { checksum, instruction } = input;
  const keep = instruction.keepGitDir?.value;
  if (checksum !== undefined && !isCommit(checksum)) {
    return refuseChecksum(input, `expected hex commit hash, found ${JSON.stringify(checksum)}`, context);
  }
  if (checksum !== undefined && source.checksum !== undefined && checksum !== source.checksum) {
    return refuseChecksum(input, `checksum mismatch: ${checksum} in the flag, ${source.checksum} in the URL`, context);
  }
  if (keep !== undefined && source.keepGitDir !== undefined && keep !== source.keepGitDir) {
    context.reporter.error('plan/invalid-source', instruction.keepGitDir?.span, 'inconsistent keep-git-dir: the flag and the URL differ');
    return 'failed';
  }
  const merged = { ...source, ...(checksum !== undefined && { checksum }), ...(keep !== undefined && { keepGitDir: keep }) };
  return context.graph.add(gitOp(merged), [], remoteMeta(input, context));
}
