// Program of the executor process. Its one argument is the ExecutorConfig, descriptor 3 is the socket
// to the main process. When the socket ends it kills what runs and exits; as init of its pid
// namespace it takes everything with it. Where there are no namespaces it also starts itself as the
// process that becomes a step: then the arguments are `enter-chroot` and a file.
import { Socket } from 'node:net';
import type { ExecutorConfig } from './launch.ts';

export async function runProgram(): Promise<void> {
  const [, , first = '{}', second = ''] = process.argv;
  if (first === 'enter-chroot') {
    const { enterChroot } = await import('./chroot/enter-chroot.ts');
    enterChroot(second);
  } else {
    const { serve } = await import('./serve.ts');
    await serve(new Socket({ fd: 3, readable: true, writable: true }), JSON.parse(first) as ExecutorConfig);
  }
}
