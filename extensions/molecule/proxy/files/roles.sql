-- Two roles with different rights, which the server knows by their passwords.
CREATE ROLE app LOGIN PASSWORD 'app-secret';
CREATE ROLE reports LOGIN PASSWORD 'reports-secret';
CREATE TABLE orders (number integer);
GRANT SELECT, INSERT ON orders TO app;
GRANT SELECT ON orders TO reports;
