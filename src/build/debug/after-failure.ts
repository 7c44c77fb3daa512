// Between the end of all steps and the report of a failure: what --on-error asks for, on the step that
// failed first. Nothing here hides the failure itself; trouble of its own becomes a notice.
import { displayText } from '../../core/display-text.ts';
import { messageOf } from '../../core/errors.ts';
import type { BuildRequest } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import { StepError } from '../solve/step-error.ts';
import type { FailedStep } from './failed-step.ts';

/** `session` still runs; `failed` in order of failing. Their snapshots are gone afterwards. */
export async function afterFailure(session: Session, request: BuildRequest, failed: readonly FailedStep[], error: unknown): Promise<void> {
  const [first] = failed;
  try {
    if (first !== undefined) await lookInto(session, request, first, error instanceof StepError ? error.logPath : null);
  } catch (problem) {
    const message = messageOf(problem);
    session.emit({ type: 'notice', message: `--on-error did not work: ${displayText(message)}` });
  } finally {
    await discardFailed(session, failed);
  }
}

async function lookInto(
  session: Session,
  { onError = { type: 'fail' } }: BuildRequest,
  failed: FailedStep,
  logPath: string | null,
): Promise<void> {
  if (onError.type === 'export') {
    const { exportFailed } = await import('./export-failed.ts');
    await exportFailed(session, failed, onError.directory, logPath);
    session.emit({ type: 'notice', message: `what the failed step left is in ${onError.directory}` });
  }
  if (onError.type === 'shell') {
    const { openShell } = await import('./open-shell.ts');
    const { vertex, request, error } = failed;
    await openShell(session, {
      // The failed step's changes are the topmost layer of what the shell sees; its caches exist by now.
      request: { ...request, root: [...request.root, request.snapshot], cacheSeeds: {} },
      shell: vertex.meta.shell ?? [],
      terminal: onError.terminal,
      banner: [
        `${vertex.meta.label} failed: ${error.message}`,
        'a shell in its container follows; its changes are thrown away, and the build ends with it',
      ],
    });
  }
}

async function discardFailed(session: Session, failed: readonly FailedStep[]): Promise<void> {
  for (const { request } of failed) {
    await (await session.executor()).discard(request.snapshot).catch(() => undefined);
    session.index.removeSnapshot(request.snapshot);
  }
}
