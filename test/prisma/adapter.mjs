// How Prisma reaches PostgreSQL here: by its JavaScript adapter, so that no native engine is needed, and by the
// settings PGHOST, PGPORT, PGUSER and PGDATABASE.
import { PrismaPg } from '@prisma/adapter-pg';
import Result from 'pg/lib/result.js';

// The adapter does not know the types "char" and name, which the catalogue's columns have: as text they do.
const addFields = Result.prototype.addFields;
Result.prototype.addFields = function (fields) {
  for (const field of fields) if (field.dataTypeID === 18 || field.dataTypeID === 19) field.dataTypeID = 25;
  return addFields.call(this, fields);
};

export const adapter = () =>
  new PrismaPg({
    host: process.env.PGHOST,
    port: Number(process.env.PGPORT),
    user: process.env.PGUSER,
    database: process.env.PGDATABASE,
    idleTimeoutMillis: 100,
  });
