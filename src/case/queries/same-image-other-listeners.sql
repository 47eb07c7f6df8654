-- Ports that a container image listens on, on few of the nodes on which it runs.
WITH nodes AS (
  SELECT image, count(DISTINCT coalesce(sha256, images.id)) AS nodes FROM containers JOIN images ON images.id = image_id
  WHERE image IS NOT NULL GROUP BY image
),
listeners AS (
  SELECT containers.image, sockets.protocol, sockets.local_port, count(DISTINCT coalesce(sha256, images.id)) AS seen_on,
         min(images.hostname) AS a_host, min(containers.name) AS a_container, min(sockets.comm) AS comm
  FROM sockets
  JOIN containers ON containers.id = sockets.container AND containers.image_id = sockets.image_id
  JOIN images ON images.id = sockets.image_id
  WHERE sockets.state = 'LISTEN'
  GROUP BY ALL
)
SELECT image, protocol, local_port, seen_on, nodes, a_host, a_container, comm
FROM listeners JOIN nodes USING (image)
WHERE seen_on < nodes
ORDER BY seen_on, nodes DESC, image, protocol, local_port;
