// What must hold for any text at all that is given as a Dockerfile; shared by the fuzzer and by the
// tests of what it found.
import { hasErrors } from '../../src/core/diagnostic.ts';
import { renderDiagnostic } from '../../src/core/render-diagnostic.ts';
import { parseDockerfile } from '../../src/parser/parse-dockerfile.ts';
import { planCase } from '../golden/plan-case.ts';
import { describePlan } from '../golden/plan-text.ts';

export interface Judgement {
  readonly outcome: string;
  readonly problems: readonly string[];
}

/** Throws when the code under test does. */
export function judgeText(text: string): Judgement {
  const file = { name: 'Dockerfile', text };
  const { diagnostics } = parseDockerfile(file);
  const problems: string[] = [];
  const images = { 'docker.io/library/busybox:latest': { config: { Env: ['PATH=/bin'] } } };
  const failed = hasErrors(diagnostics);
  const plan = failed ? null : planCase(text, { images });
  const all = [...diagnostics, ...(plan === null || plan.type === 'needs' ? [] : plan.diagnostics)];
  for (const diagnostic of all) {
    const { span } = diagnostic;
    if (span !== undefined && !(span.start >= 0 && span.start <= span.end && span.end <= text.length))
      problems.push(`span outside: ${diagnostic.code}`);
    if (/\bundefined\b|\bNaN\b|\[object/.test(diagnostic.message.replaceAll(/Usage of undefined variable|"[^"]*"|'[^']*'/g, '')))
      problems.push(`odd message: ${diagnostic.code}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
    if (/[\x00-\x08\x0b-\x1f\x7f]/.test(renderDiagnostic(diagnostic, file, { color: false })))
      problems.push(`control character rendered: ${diagnostic.code}`);
  }
  if (plan === null) return { outcome: 'refused by the parser', problems };
  if (describePlan(planCase(text, { images }), text) !== describePlan(plan, text)) problems.push('planned differently twice');
  return { outcome: plan.type === 'failed' ? 'refused by the planner' : plan.type === 'needs' ? 'asks for images' : 'planned', problems };
}
