// `doctor`: what this host allows.
export { type HostReport, probeHost } from '../executor/doctor/probe-host.ts';
