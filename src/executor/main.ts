// Program of the executor process. Its one argument is the ExecutorConfig, descriptor 3 is the socket
// to the main process. When the socket ends it kills what runs and exits; as init of its pid
// namespace it takes everything with it.
import { Socket } from 'node:net';
import type { ExecutorConfig } from './launch.ts';
import { serve } from './serve.ts';

await serve(new Socket({ fd: 3, readable: true, writable: true }), JSON.parse(process.argv[2] ?? '{}') as ExecutorConfig);
