"""What the product is about: skeleton, poses, crop regions, geometry. numpy only."""
