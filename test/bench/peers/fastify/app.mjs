// Fastify and pg: one call of the same SQL function for each request, prepared, on pooled connections.
import cluster from 'node:cluster';
import Fastify from 'fastify';
import pg from 'pg';

const processes = Number(process.env.PEER_PROCESSES ?? 1);

if (processes > 1 && cluster.isPrimary) {
  for (let i = 0; i < processes; i++) cluster.fork();
} else {
  const pool = new pg.Pool({ max: 16 });
  const app = Fastify();

  app.get('/get_points', async (request) => {
    const { rows } = await pool.query({
      name: 'get', text: 'SELECT edurange.get_points($1, $2) AS points',
      values: [request.query.user_id, request.query.group_id],
    });
    return { points: rows[0].points };
  });
  app.post('/add_points', async (request) => {
    const { rows } = await pool.query({
      name: 'add', text: 'SELECT edurange.wire(t) AS row FROM edurange.add_points($1, $2, $3) t',
      values: [request.body.user_id, request.body.group_id, request.body.points],
    });
    return rows[0].row;
  });
  await app.listen({ port: Number(process.env.PEER_PORT), host: '127.0.0.1' });
}
