import type { StepHost } from './step-host.ts';
export function seccompFor(host: StepHost): { readonly program: string } | { readonly profile: object } | null {
  void host;
  return null;
}
