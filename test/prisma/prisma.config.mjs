import { defineConfig } from 'prisma/config';
import { adapter } from './adapter.mjs';

export default defineConfig({
  engine: 'js',
  experimental: { adapter: true },
  schema: 'schema.prisma',
  adapter: async () => adapter(),
});
