// Checks on EXPOSE (W-21, W-22).
import type { Span } from '../../core/span.ts';
import type { Reporter } from '../reporter.ts';

export function checkExposedPort(text: string, span: Span, reporter: Reporter): void {
  const protocol = text.split('/', 2)[1] ?? '';
  if (protocol !== protocol.toLowerCase()) {
    reporter.warn('ExposeProtoCasing', span, `Defined protocol '${text}' in EXPOSE instruction should be lowercase`);
  }
  if (text.includes(':')) {
    const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`;
    reporter.warn('ExposeInvalidFormat', span, message);
  }
}
