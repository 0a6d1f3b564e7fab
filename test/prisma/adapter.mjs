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

// Nor does its engine know NOT NULL as a constraint, which it is from PostgreSQL 18 on, and breaks off at one: it reads
// of the columns what it has to know.
const addRow = Result.prototype.addRow;
Result.prototype.addRow = function (row) {
  const type = this.fields.findIndex((field) => field.name === 'constraint_type');
  if (type < 0 || row[type] !== 'n') addRow.call(this, row);
};

export const adapter = () =>
  new PrismaPg({
    host: process.env.PGHOST,
    port: Number(process.env.PGPORT),
    user: process.env.PGUSER,
    database: process.env.PGDATABASE,
    idleTimeoutMillis: 100,
  });
