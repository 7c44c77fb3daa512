// `doctor`: what this host allows.
export { type HostReport, probeHost } from '../executor/probe.ts';
