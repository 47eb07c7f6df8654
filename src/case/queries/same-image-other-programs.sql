-- Programs that a container image runs on few of the nodes on which it runs.
WITH nodes AS (
  SELECT image, count(DISTINCT coalesce(sha256, images.id)) AS nodes FROM containers JOIN images ON images.id = image_id
  WHERE image IS NOT NULL GROUP BY image
),
programs AS (
  SELECT containers.image, coalesce(processes.exe, processes.comm) AS program,
         count(DISTINCT coalesce(sha256, images.id)) AS seen_on, min(images.hostname) AS a_host, min(containers.name) AS a_container
  FROM processes
  JOIN containers ON containers.id = processes.container AND containers.image_id = processes.image_id
  JOIN images ON images.id = processes.image_id
  GROUP BY ALL
)
SELECT image, program, seen_on, nodes, a_host, a_container
FROM programs JOIN nodes USING (image)
WHERE seen_on < nodes
ORDER BY seen_on, nodes DESC, image, program;
