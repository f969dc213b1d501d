/** A story in Node or Deno: the set-up is the first argument, events are lines of output, the end of input is the end. */
import { Pharos } from 'pharos-client';
import { protobuf } from 'pharos-client/protobuf';
import process from 'node:process';
import { begin } from './story.mjs';

const setup = JSON.parse(process.argv[2]);
const { client } = begin({ Pharos, protobuf }, setup, (event) => console.log(JSON.stringify(event)));
process.stdin.on('end', () => client.disconnect());
process.stdin.resume();
